// What the walking tasks pay: forward speed, staying healthy, minus effort and contacts. Oracle:
// Gymnasium's ant, hopper, humanoid and walker2d, v4 and v5.
#pragma once

#include "actor/env/env_args.h"
#include "actor/env/mujoco_env.h"

namespace pmoe {

struct LocomotionReward {
  double forward_reward_weight = 1.0;
  double ctrl_cost_weight = 1e-3;
  double healthy_reward = 1.0;
  bool terminate_when_unhealthy = true;
  // Up to v4 the step that ends the episode is paid as a healthy one.
  bool pays_last_step = false;

  // Reads the first four under their names and takes the last one from the version.
  void Read(const EnvRequest& request, EnvArgs* args);

  // velocity in m/s; the costs are subtracted as they are.
  MujocoEnv::Outcome Pay(bool healthy, double velocity, double ctrl_cost,
                         double contact_cost = 0.0) const;
};

}  // namespace pmoe
