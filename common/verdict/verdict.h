// What holds a run back, and what a change would bring: the judgement over the measures of a run.
// docs/verdict.md tells how far to trust it. Pure function; with 1,024 actors well under a
// millisecond.
#pragma once

#include <string>
#include <vector>

#include "common/verdict/run_measure.h"

namespace pmoe {

enum class Bottleneck { kUnknown, kLearner, kActors, kCores, kLimiter, kEvaluator, kNone };

struct VerdictGain {
  std::string change;   // "one more actor", "twice the actors", "a second learner thread"
  double factor = 1.0;  // of env steps per second, in [0, kGainMax]
};
inline constexpr double kGainMax = 1000.0;

struct RunVerdict {
  Bottleneck bottleneck = Bottleneck::kUnknown;
  std::string reason{};  // kUnknown: why, as the end of "Not known yet: …"
  std::vector<VerdictGain> gains{};

  // What the sentence names.
  size_t actors = 0;                     // that were measured
  double actors_wait = 0.0;              // share of their time, on average
  double learner_wait = 0.0;             // share of its time, for rows
  double evaluation_wait = 0.0;          // the same, for evaluations
  double cores_busy = 0.0, cores = 0.0;  // of the learner's machine; 0: not known
};

// Whoever would speed the run up most by being a tenth faster is the bottleneck; nobody is where no
// one's tenth brings much more than another's.
RunVerdict Judge(const RunMeasure& measure);

// "learner", "actors", "cores", "limiter", "evaluator", "none"; kUnknown: empty.
const char* BottleneckName(Bottleneck bottleneck);
// Every name but that of kUnknown.
const std::vector<std::string>& BottleneckNames();

}  // namespace pmoe
