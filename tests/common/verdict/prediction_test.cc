// Predictions against the truth: a run is simulated, judged by what it measures of itself, and
// simulated again with the change.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "common/verdict/verdict.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/common/verdict/simulated_run.h"

namespace pmoe {
namespace {

constexpr double kWithin = 0.15;

class Choices {
 public:
  explicit Choices(uint64_t seed) : rng_(seed, RngRole::kInit, 0) {}
  template <class Value>
  Value Of(const std::vector<Value>& values) {
    return values[rng_.UniformInt(values.size())];
  }
  double LogUniform(double low, double high) { return low * std::pow(high / low, rng_.Uniform()); }
  bool Chance(double probability) { return rng_.Uniform() < probability; }

 private:
  Rng rng_;
};

SimulatedRunOptions RandomRun(uint64_t seed) {
  Choices choices(seed);
  SimulatedRunOptions run;
  run.seed = seed;
  run.pace = choices.Of<Pace>({Pace::kLimiter, Pace::kLimiter, Pace::kTurns, Pace::kSideBySide});
  run.actors = choices.Of<int>({1, 2, 3, 4, 6, 8});
  run.cores = choices.Of<double>({1.0, 2.0, 2.0, 4.0, 16.0});
  run.one_process = choices.Chance(0.4);
  run.variation = choices.Of<double>({0.1, 0.3, 1.0});
  run.step_sleep_s = choices.Chance(0.5) ? choices.LogUniform(1e-4, 2e-2) : 0.0;
  run.step_cpu_s = choices.LogUniform(2e-5, 5e-3);
  run.update_cpu_s = choices.LogUniform(2e-4, 1e-2);
  if (choices.Chance(0.15)) run.update_sleep_s = run.update_cpu_s;
  run.updates_per_step = choices.Of<double>({0.25, 0.5, 1.0, 2.0});
  run.serial_share = choices.Of<double>({0.05, 0.15, 0.3});
  run.threads = choices.Of<int>({1, 1, 2});
  if (choices.Chance(0.5)) run.sample_s = run.update_cpu_s * choices.LogUniform(0.01, 0.2);
  if (choices.Chance(0.5)) run.publish_s = run.update_cpu_s * choices.LogUniform(0.1, 5.0);
  if (choices.Chance(0.2)) run.checkpoint_s = run.update_cpu_s * choices.LogUniform(1.0, 50.0);
  if (choices.Chance(0.2)) run.foreign_cores = 1.0;
  run.steps_per_round = 2 * run.actors * (run.actors + 1);  // for any of the changes
  while (run.steps_per_round < 48) run.steps_per_round *= 2;
  return run;
}

SimulatedRunOptions Changed(SimulatedRunOptions run, const std::string& change) {
  if (change == "one more actor") run.actors += 1;
  if (change == "twice the actors") run.actors *= 2;
  if (change == "a second learner thread" || change == "one more learner thread") run.threads += 1;
  return run;
}

struct Miss {
  uint64_t seed;
  std::string change;
  double predicted, simulated;
};

std::string Text(const std::vector<Miss>& misses) {
  std::string text;
  for (const Miss& miss : misses) {
    absl::StrAppend(&text, "\nseed ", miss.seed, ", ", miss.change, ": predicted ", miss.predicted,
                    ", simulated ", miss.simulated);
  }
  return text;
}

TEST(PredictionTest, IsWithin15PercentOfTheSimulatedGain) {
  constexpr uint64_t kRuns = 150;
  size_t compared = 0;
  std::vector<Miss> misses;
  for (uint64_t seed = 1; seed <= kRuns; ++seed) {
    const SimulatedRunOptions run = RandomRun(seed);
    const RunMeasure before = Simulate(run);
    for (const VerdictGain& gain : Judge(before).gains) {
      const double after = Simulate(Changed(run, gain.change)).env_steps_per_s;
      const double simulated = after / before.env_steps_per_s;
      ++compared;
      if (std::abs(gain.factor / simulated - 1.0) <= kWithin) continue;
      misses.push_back({seed, gain.change, gain.factor, simulated});
    }
  }
  RecordProperty("compared", static_cast<int>(compared));
  RecordProperty("within", static_cast<int>(compared - misses.size()));
  EXPECT_GT(compared, 2 * kRuns);
  // Of 1,000 such runs 2,660 of 2,679 were; those missed are mostly rounds of exponential steps
  // shared by twice the actors, whose slowest the others wait for longer.
  EXPECT_LE(misses.size(), compared / 50) << compared << " compared" << Text(misses);
}

}  // namespace
}  // namespace pmoe
