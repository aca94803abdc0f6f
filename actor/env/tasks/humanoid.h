// Humanoid v5, v4 and v2: a 3D biped, rewarded for the forward speed of its centre of mass while
// upright. Oracle: Gymnasium's humanoid_v5.py and humanoid_v4.py.
#pragma once

#include <limits>
#include <memory>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/tasks/humanoid_observation.h"
#include "actor/env/tasks/locomotion_reward.h"

namespace pmoe {

struct HumanoidOptions {
  LocomotionReward reward{
      .forward_reward_weight = 1.25, .ctrl_cost_weight = 0.1, .healthy_reward = 5.0};
  bool contact_cost = true;  // v4 pays none
  double contact_cost_weight = 5e-7;
  Range contact_cost_range{-std::numeric_limits<double>::infinity(), 10.0};
  Range healthy_z_range{1.0, 2.0};  // open interval
  HumanoidObservation observation{};
};

// z: height of the torso in metres. NaN is unhealthy.
bool HumanoidIsHealthy(const HumanoidOptions& options, double z);

class Humanoid final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  Humanoid(MujocoSetup setup, const HumanoidOptions& options, int obs_dim);

  double Progress() const override;
  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  HumanoidOptions options_;
  double mass_;  // kg, all bodies
};

}  // namespace pmoe
