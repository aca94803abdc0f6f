// bench ppo: HalfCheetah-v5, PPO from random weights with rollouts of 2048 steps of one
// environment, minibatches of 64, 10 epochs, networks 64-64: our run beside Stable-Baselines3 and
// CleanRL, both with PyTorch's default threads and with one, which is cheaper: at these sizes a
// second one mostly spins. The first rollout and its updates are off every clock: ours is a run
// that ends with them, theirs start the clock there.
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/training_runs.h"
#include "tests/benchmark/training_sides.h"

namespace pmoe {
namespace {

constexpr int kRollout = 2048;

TrainingSide OurSide(const BenchFlags& flags, int steps) {
  TrainingPlan plan;
  plan.algorithm = "ppo";
  plan.preset = "cleanrl";
  plan.sets = {absl::StrCat("schedule.steps_per_round=", kRollout), "learner.batch_size=64",
               "learner.epochs=10", "actor.count=1", "actor.envs=1"};
  plan.sets.insert(plan.sets.end(), flags.sets.begin(), flags.sets.end());
  plan.warm_steps = kRollout;
  plan.steps = steps;
  return {"pmoe", /*ours=*/true, [plan] { return MeasureTraining(plan); }};
}

// threads 0: PyTorch's default.
TrainingSide TheirSide(const std::string& peer, int threads, int steps) {
  return PeerSide(
      threads > 0 ? absl::StrCat(peer, "_thread", threads) : peer, "ppo_halfcheetah.py",
      {"--peer", peer, "--threads", std::to_string(threads), "--steps", std::to_string(steps)});
}

}  // namespace

absl::Status BenchPpo(const BenchFlags& flags, Report* report) {
  const int steps = (flags.steps + kRollout - 1) / kRollout * kRollout;  // whole rollouts
  report->Note(absl::StrCat(steps, " env steps per run; aims per CPU-second: 6 over sb3, ",
                            "5 over cleanrl"));
  PMOE_RETURN_IF_ERROR(CompareTrainings(
      flags, "HalfCheetah-v5, PPO",
      {OurSide(flags, steps), TheirSide("sb3", 0, steps), TheirSide("sb3", 1, steps),
       TheirSide("cleanrl", 0, steps), TheirSide("cleanrl", 1, steps)},
      report));
  report->Value("load_average_after", LoadAverage());
  return absl::OkStatus();
}

}  // namespace pmoe
