#include "common/verdict/verdict.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/verdict/fit_model.h"
#include "common/verdict/run_model.h"

namespace pmoe {
namespace {

constexpr double kFaster = 1.1;
// Shares of a tenth that come through to env steps per second.
constexpr double kHolds = 0.6;         // this side sets the pace
constexpr double kOutsideHolds = 0.5;  // and so does this, whoever works
// Both sides wait so much of their time that neither's work explains the pace.
constexpr double kBothWait = 0.2;
constexpr double kShareMeasured = 0.5;

double RateOf(const RunModel& model) { return Predict(model).env_steps_per_s; }

// d ln X / d ln(speed), by a change of a tenth.
double Effect(double base, const RunModel& faster) {
  return std::log(RateOf(faster) / base) / std::log(kFaster);
}

RunModel FasterActors(RunModel model) {
  model.step_sleep_s /= kFaster;
  model.step_cpu_s /= kFaster;
  return model;
}

RunModel FasterLearner(RunModel model) {
  model.update_cpu_s /= kFaster;
  model.learner_cpu_s /= kFaster;
  model.learner_sleep_s /= kFaster;
  return model;
}

RunModel MoreCores(RunModel model) {
  model.cores_here *= kFaster;
  model.cores_elsewhere *= kFaster;
  return model;
}

RunModel FasterEvaluator(RunModel model) {
  model.steps_per_s_max *= kFaster;
  return model;
}

Bottleneck Find(const RunMeasure& measure, const RunModel& model, double base) {
  const double both = std::min(ActorsWait(measure), LearnerWait(measure));
  if (measure.pace == Pace::kLimiter && both >= kBothWait) return Bottleneck::kLimiter;
  if (Effect(base, FasterEvaluator(model)) >= kOutsideHolds) return Bottleneck::kEvaluator;
  if (Effect(base, MoreCores(model)) >= kOutsideHolds) return Bottleneck::kCores;
  const double learner = Effect(base, FasterLearner(model));
  const double actors = Effect(base, FasterActors(model));
  if (std::max(learner, actors) < kHolds * (learner + actors)) return Bottleneck::kNone;
  return learner > actors ? Bottleneck::kLearner : Bottleneck::kActors;
}

// In lockstep the steps of a round are shared evenly.
bool MayHave(const RunMeasure& measure, size_t actors) {
  const int64_t parts = static_cast<int64_t>(actors) * measure.envs;
  return measure.pace == Pace::kLimiter || measure.steps_per_round == 0 ||
         measure.steps_per_round % parts == 0;
}

std::vector<VerdictGain> GainsOf(const RunMeasure& measure, const RunModel& model, double base) {
  std::vector<VerdictGain> gains;
  const auto add = [&](std::string change, const RunModel& changed) {
    const double factor = std::clamp(RateOf(changed) / base, 0.0, kGainMax);
    gains.push_back({std::move(change), factor});
  };
  const size_t count = measure.actors.size();
  RunModel more = model;
  more.actors = model.actors + 1.0;
  if (MayHave(measure, count + 1)) add("one more actor", more);
  more.actors = 2.0 * model.actors;
  if (count > 1 && MayHave(measure, 2 * count)) add("twice the actors", more);
  if (measure.learner.threads_max <= measure.learner.threads) return gains;
  RunModel threads = model;
  threads.threads += 1.0;
  add(measure.learner.threads == 1 ? "a second learner thread" : "one more learner thread",
      threads);
  return gains;
}

// Why nothing can be said; empty: something can.
std::string Missing(const RunMeasure& measure) {
  if (!measure.reason.empty()) return measure.reason;
  size_t here = 0, measured = 0;
  for (const ActorMeasure& actor : measure.actors) {
    if (!actor.connected) continue;
    ++here;
    if (IsMeasured(actor)) ++measured;
  }
  if (here == 0) return "no actor takes part";
  if (2 * measured < here) {
    return absl::StrCat(measured, " of ", here, " actors say how they spend their time");
  }
  if (measure.learner.all() < kShareMeasured)
    return "the learner has not been measured long enough";
  if (measure.env_steps_per_s <= 0.0) return "no env steps are made";
  if (measure.learner.updates_per_s <= 0.0) return "no updates are made";
  return "";
}

void AddShares(const RunMeasure& measure, RunVerdict* verdict) {
  verdict->actors =
      static_cast<size_t>(std::count_if(measure.actors.begin(), measure.actors.end(), IsMeasured));
  verdict->actors_wait = ActorsWait(measure);
  verdict->learner_wait = LearnerWait(measure);
  verdict->evaluation_wait = measure.learner.evaluation;
  verdict->cores = measure.cores_here;
}

}  // namespace

RunVerdict Judge(const RunMeasure& raw) {
  const RunMeasure measure = Clean(raw);
  RunVerdict verdict;
  verdict.reason = Missing(measure);
  if (!verdict.reason.empty()) return verdict;
  AddShares(measure, &verdict);
  const RunModel model = FitModel(measure);
  const RunRates rates = Predict(model);
  if (!(rates.env_steps_per_s > 0.0)) {
    verdict.reason = "what was measured does not fit together";
    return verdict;
  }
  verdict.cores_busy = rates.cores_busy;
  verdict.bottleneck = Find(measure, model, rates.env_steps_per_s);
  // What lies between them is not modelled.
  if (verdict.bottleneck == Bottleneck::kLimiter) return verdict;
  verdict.gains = GainsOf(measure, model, rates.env_steps_per_s);
  return verdict;
}

const std::vector<std::string>& BottleneckNames() {
  static const auto& names =
      *new std::vector<std::string>{"learner", "actors", "cores", "limiter", "evaluator", "none"};
  return names;
}

const char* BottleneckName(Bottleneck bottleneck) {
  if (bottleneck == Bottleneck::kUnknown) return "";
  return BottleneckNames()[static_cast<size_t>(bottleneck) - 1].c_str();
}

}  // namespace pmoe
