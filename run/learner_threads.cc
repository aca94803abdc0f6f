#include "run/learner_threads.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/base/process_usage.h"
#include "common/base/stopwatch.h"
#include "common/base/usable_cores.h"
#include "common/config/algorithms.h"
#include "common/config/learner_choices.h"
#include "common/config/run_config.h"

namespace pmoe {
namespace {

constexpr int kMost = 8;          // barriers cost more than further threads bring
constexpr int kRowsAThread = 48;  // of a minibatch, at least
constexpr double kLittle = 0.25;  // load that takes nobody a core
constexpr std::chrono::milliseconds kLook{200};

// Cores that are busy while this thread sleeps; `load` where nobody knows.
double LoadNow(double load, Clock* clock) {
  Stopwatch watch(clock);
  const double before_s = MachineCpuSeconds();
  if (before_s == 0.0) return load;
  clock->Sleep(kLook);
  return (MachineCpuSeconds() - before_s) / watch.Elapsed();
}

}  // namespace

Cores FreeCores(const RunConfig& config, Clock* clock) {
  Cores cores;
  cores.usable = UsableCores();
  cores.online = std::max(cores.usable, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
  double load = 0.0;
  if (getloadavg(&load, 1) != 1 || load < kLittle) return cores;
  // What ended just now still counts in the last minute, and a cluster's start counts now.
  const bool asks = config.learner().threads() == 0;
  cores.load = asks ? std::min(load, LoadNow(load, clock)) : load;
  return cores;
}

int ThreadsThatPay(const RunConfig& config) {
  const LearnerConfig& learner = config.learner();
  const bool fast = ParseChoice<UpdateStep>(learner.step()) == UpdateStep::kFast &&
                    ParseChoice<OptimizerKind>(learner.optimizer()) == OptimizerKind::kAdam &&
                    learner.device() == "cpu" && !AlgorithmOf(config).on_policy();
  return fast ? std::clamp(learner.batch_size() / kRowsAThread, 1, kMost) : 1;
}

// In lockstep without lag the actors wait while the learner works.
int ThreadsFor(const RunConfig& config, const Cores& cores) {
  const bool beside = !IsLockstep(config) || config.schedule().lag() > 0;
  const int actors = beside ? config.actor().count() : 0;
  const int idle = cores.online - static_cast<int>(std::lround(cores.load));
  const int free = std::min(cores.usable, idle) - actors;
  return std::clamp(free, 1, ThreadsThatPay(config));
}

std::string SettleLearnerThreads(const Cores& cores, RunConfig* config) {
  const int asked = config->learner().threads();
  const std::string machine =
      absl::StrCat(cores.usable, " cores, load ", std::round(cores.load * 10.0) / 10.0);
  if (asked > cores.usable) {
    return absl::StrCat(
        "learner.threads is ", asked, " on ", machine,
        ": more threads than cores make each other wait; --set learner.threads=0 chooses anew");
  }
  if (asked > 0) return "";
  const int threads = ThreadsFor(*config, cores);
  config->mutable_learner()->set_threads(threads);
  if (cores.usable == 1) return "";
  return absl::StrCat("the learner has ", threads, threads == 1 ? " thread" : " threads", " (",
                      machine, "); --set learner.threads=N for another number");
}

}  // namespace pmoe
