// Walker2d v5, v4 and v2: a planar two-legged walker, rewarded for forward speed while upright.
// Oracle: Gymnasium's walker2d_v5.py and walker2d_v4.py.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/tasks/locomotion_reward.h"

namespace pmoe {

struct Walker2dOptions {
  LocomotionReward reward{};
  // Open intervals.
  Range healthy_z_range{0.8, 2.0};
  Range healthy_angle_range{-1.0, 1.0};
  bool exclude_current_positions_from_observation = true;  // leaves x out

  int skipped() const { return exclude_current_positions_from_observation ? 1 : 0; }
};

// NaN is unhealthy.
bool Walker2dIsHealthy(const Walker2dOptions& options, double z, double angle);

class Walker2d final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  Walker2d(MujocoSetup setup, const Walker2dOptions& options, int obs_dim);

  double Progress() const override;
  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  Walker2dOptions options_;
};

}  // namespace pmoe
