// bench ppo: HalfCheetah-v5, PPO from random weights with rollouts of 2048 steps of one
// environment, minibatches of 64, 10 epochs, networks 64-64: our run beside Stable-Baselines3 and
// CleanRL, both with every number of threads: at these sizes a second one mostly spins. The first
// rollout and its updates are off every clock: ours is a run that ends with them, theirs start the
// clock there.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/benchmark/benchmarks.h"
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
  return {"pmoe", [plan] { return MeasureTraining(plan); }};
}

}  // namespace

absl::Status BenchPpo(const BenchFlags& flags, Report* report) {
  const int steps = (flags.steps + kRollout - 1) / kRollout * kRollout;  // whole rollouts
  report->Note(absl::StrCat(steps, " env steps per run; aims per CPU-second: 10 over sb3, ",
                            "12 over cleanrl"));
  std::vector<TrainingSide> sides = {OurSide(flags, steps)};
  for (const char* peer : {"sb3", "cleanrl"}) {
    for (TrainingSide& side : PeerSides(peer, "ppo_halfcheetah.py",
                                        {"--peer", peer, "--steps", std::to_string(steps)})) {
      sides.push_back(std::move(side));
    }
  }
  return CompareTrainings(flags, "HalfCheetah-v5, PPO", std::move(sides), report);
}

}  // namespace pmoe
