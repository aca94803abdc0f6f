#include "actor/env/tasks/locomotion_reward.h"

namespace pmoe {

void LocomotionReward::Read(const EnvRequest& request, EnvArgs* args) {
  args->Float("forward_reward_weight", &forward_reward_weight);
  args->Float("ctrl_cost_weight", &ctrl_cost_weight);
  args->Float("healthy_reward", &healthy_reward);
  args->Bool("terminate_when_unhealthy", &terminate_when_unhealthy);
  pays_last_step = request.version() <= 4;
}

MujocoEnv::Outcome LocomotionReward::Pay(bool healthy, double velocity, double ctrl_cost,
                                         double contact_cost) const {
  const bool paid = healthy || (pays_last_step && terminate_when_unhealthy);
  const double forward = forward_reward_weight * velocity;
  const double alive = paid ? healthy_reward : 0.0;
  return {.reward = (forward + alive) - (ctrl_cost + contact_cost),
          .terminated = !healthy && terminate_when_unhealthy};
}

}  // namespace pmoe
