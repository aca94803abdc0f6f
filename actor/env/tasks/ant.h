// Ant v5, v4 and v2: a four-legged walker in 3D, rewarded for forward speed while its height is in
// range and its contacts are soft. Oracle: Gymnasium's ant_v5.py and ant_v4.py.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/tasks/locomotion_reward.h"

namespace pmoe {

struct AntOptions {
  LocomotionReward reward{.ctrl_cost_weight = 0.5};
  bool contact_cost = true;  // v4 pays none unless it observes the forces
  double contact_cost_weight = 5e-4;
  int main_body = 1;                // whose speed counts: the torso
  Range healthy_z_range{0.2, 1.0};  // closed
  Range contact_force_range{-1.0, 1.0};
  bool exclude_current_positions_from_observation = true;  // leaves x and y out
  bool include_cfrc_ext_in_observation = true;
  int observed_bodies_begin = 1;  // first one whose forces are observed: v4 has the world's too

  int skipped() const { return exclude_current_positions_from_observation ? 2 : 0; }
};

// qpos: [nq], qvel: [nv]. A number that is not finite is unhealthy.
bool AntIsHealthy(const AntOptions& options, absl::Span<const double> qpos,
                  absl::Span<const double> qvel);

class Ant final : public MujocoEnv {
 public:
  static absl::StatusOr<std::unique_ptr<Env>> Create(const EnvRequest& request);

 private:
  Ant(MujocoSetup setup, const AntOptions& options, int obs_dim);

  double Progress() const override;
  void Observe(absl::Span<double> obs) const override;
  Outcome Evaluate(double velocity, absl::Span<const double> action) const override;

  // cfrc_ext of all bodies, each number within the range; 6 per body. Of the step before.
  absl::Span<const double> ContactForces() const;

  AntOptions options_;
  mutable std::vector<double> contact_forces_;  // scratch of ContactForces
};

}  // namespace pmoe
