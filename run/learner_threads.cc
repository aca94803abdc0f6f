#include "run/learner_threads.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/config/algorithms.h"
#include "common/config/learner_choices.h"
#include "common/config/run_config.h"

namespace pmoe {
namespace {

constexpr int kMost = 8;          // barriers cost more than further threads bring
constexpr int kRowsAThread = 48;  // of a minibatch, at least

}  // namespace

Cores FreeCores() {
  Cores cores;
  cpu_set_t set;
  cores.usable = sched_getaffinity(0, sizeof(set), &set) == 0
                     ? CPU_COUNT(&set)
                     : static_cast<int>(std::thread::hardware_concurrency());
  cores.usable = std::max(1, cores.usable);
  double load = 0.0;
  if (getloadavg(&load, 1) == 1) cores.load = load;
  return cores;
}

// In lockstep without lag the actors wait while the learner works.
int ThreadsFor(const RunConfig& config, const Cores& cores) {
  const LearnerConfig& learner = config.learner();
  const bool fast = ParseChoice<UpdateStep>(learner.step()) == UpdateStep::kFast &&
                    learner.device() == "cpu" && !AlgorithmOf(config).on_policy();
  if (!fast) return 1;
  const bool beside = !IsLockstep(config) || config.schedule().lag() > 0;
  const int actors = beside ? config.actor().count() : 0;
  const int free = cores.usable - static_cast<int>(std::lround(cores.load)) - actors;
  return std::clamp(std::min(free, learner.batch_size() / kRowsAThread), 1, kMost);
}

std::string SettleLearnerThreads(const Cores& cores, RunConfig* config) {
  const int asked = config->learner().threads();
  const std::string machine =
      absl::StrCat(cores.usable, " cores, load ", std::round(cores.load * 10.0) / 10.0);
  if (asked > cores.usable) {
    return absl::StrCat("learner.threads is ", asked, " on ", machine,
                        ": more threads than cores make each other wait");
  }
  if (asked > 0) return "";
  const int threads = ThreadsFor(*config, cores);
  config->mutable_learner()->set_threads(threads);
  if (cores.usable == 1) return "";
  return absl::StrCat("the learner has ", threads, threads == 1 ? " thread" : " threads", " (",
                      machine, "); --set learner.threads=N for another number");
}

}  // namespace pmoe
