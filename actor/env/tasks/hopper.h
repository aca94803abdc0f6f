// Hopper v5, v4 and v2: a planar one-legged hopper, rewarded for forward speed while upright.
// Oracle: Gymnasium's hopper_v5.py and hopper_v4.py.
#pragma once

#include <limits>
#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/tasks/locomotion_reward.h"

namespace pmoe {

struct HopperOptions {
  LocomotionReward reward{};
  // Open intervals.
  Range healthy_state_range{-100.0, 100.0};
  Range healthy_z_range{0.7, std::numeric_limits<double>::infinity()};
  Range healthy_angle_range{-0.2, 0.2};
  bool exclude_current_positions_from_observation = true;  // leaves x out

  int skipped() const { return exclude_current_positions_from_observation ? 1 : 0; }
};

// qpos: [nq], qvel: [nv]. NaN is unhealthy.
bool HopperIsHealthy(const HopperOptions& options, absl::Span<const double> qpos,
                     absl::Span<const double> qvel);

class Hopper final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  Hopper(MujocoSetup setup, const HopperOptions& options, int obs_dim);

  double Progress() const override;
  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  HopperOptions options_;
};

}  // namespace pmoe
