// Options that the learners' tests begin with: values of their own, so that a test's numbers stay
// when a default of the configuration moves.
#pragma once

#include <cmath>

#include "learner/ppo/ppo_options.h"
#include "learner/sac/sac_options.h"

namespace pmoe {

// Table 6(a) of arXiv 2104.09122.
inline SacOptions TestSacOptions() {
  SacOptions options;
  options.seed = 1;
  options.batch_size = 100;
  options.critic_hidden = {256, 256};
  options.twin_critics = true;
  options.actor_lr = options.critic_lr = 1e-3;
  options.adam_epsilon = 1e-8;
  options.alpha = 0.2;
  options.alpha_lr = 3e-4;
  options.tau = 0.005;
  options.router_detached = true;
  options.gumbel_tau = options.gumbel_tau_end = 1.0;
  options.gumbel_hard = true;
  options.freq_coef = 1.0;
  options.device = "cpu";
  options.threads = 1;
  return options;
}

// Table 6(b), with tanh nets.
inline PpoOptions TestPpoOptions() {
  PpoOptions options;
  options.seed = 1;
  options.rollout_steps = 2048;
  options.batch_size = 64;
  options.epochs = 10;
  options.learning_rate = options.qnet_learning_rate = 3e-4;
  options.total_rollouts = 1;
  options.adam_epsilon = 1e-8;
  options.gamma = 0.99;
  options.gae_lambda = 0.95;
  options.clip = 0.2;
  options.value_coef = 0.5;
  options.grad_norm_max = 0.5;
  options.advantage_norm = AdvantageNorm::kRollout;
  options.value_hidden = {64, 64};
  options.value_activation = Activation::kTanh;
  options.init = WeightInit::kOrthogonal;
  options.hidden_gain = std::sqrt(2.0);
  options.head_gain = 0.01;
  options.value_gain = 1.0;
  options.freq_coef = 1.0;
  options.qnet_hidden = {64, 64, 64};
  options.router_target_tau = 0.1;
  options.router_entropy_coef = 1.0;
  options.gumbel_tau = options.gumbel_tau_end = 1.0;
  options.device = "cpu";
  options.threads = 1;
  return options;
}

}  // namespace pmoe
