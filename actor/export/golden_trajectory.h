// What a policy did in the first steps of one real episode: it travels inside every exported file,
// whose reader replays it to see that it acts as it did here. Free functions. T steps, O obs_dim,
// A action_dim.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "common/policy/policy_snapshot.h"

namespace pmoe {

struct GoldenTrajectory {
  // "episode": of the run's environment, reset with `seed`. "drawn": the environment was not to be
  // had, and the observations are normal draws; each is an episode's first.
  bool of_episode = true;
  uint64_t seed = 0;
  int steps = 0;                    // T
  std::vector<float> observations;  // [T, O] as the policy saw them
  std::vector<float> actions;       // [T, A] in the environment's units
  std::vector<int> primitives;      // [T] that acted; of an option policy the next step's option
};

inline constexpr int kGoldenStepsMax = 50;

// The deterministic choice: the most likely primitive's mean. Ends before a step at which two
// primitives are as good as equally likely, because rounding would choose there; an episode that
// begins so is passed over for the next seed's. InternalError: all do.
absl::StatusOr<GoldenTrajectory> PlayGoldenTrajectory(
    std::shared_ptr<const PolicySnapshot> snapshot, Env* env);
absl::StatusOr<GoldenTrajectory> DrawGoldenTrajectory(
    std::shared_ptr<const PolicySnapshot> snapshot);

}  // namespace pmoe
