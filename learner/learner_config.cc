#include "learner/learner_config.h"

namespace pmoe {

SacOptions SacOptionsFromConfig(const RunConfig& config, int action_dim) {
  const LearnerConfig& from = config.learner();
  SacOptions to;
  to.seed = config.seed();
  to.batch_size = from.batch_size();
  to.critic_hidden.assign(from.critic_hidden().begin(), from.critic_hidden().end());
  to.twin_critics = from.critics() == "twin";
  to.actor_lr = from.actor_lr();
  to.critic_lr = from.critic_lr();
  to.alpha = from.alpha();
  to.tune_alpha = from.tune_alpha();
  to.alpha_lr = from.alpha_lr();
  to.target_entropy =
      from.has_target_entropy() ? from.target_entropy() : -static_cast<double>(action_dim);
  to.tau = from.tau();
  to.router_detached = config.policy().router_input() == "trunk_detached";
  to.target_policy = from.target_policy();
  to.target = from.target() == "expected" ? TargetOver::kExpected : TargetOver::kSample;
  to.primitive_backprop =
      from.primitive_backprop() == "all" ? PrimitiveBackprop::kAll : PrimitiveBackprop::kMax;
  to.loser_weight = from.loser_weight();
  to.best_by = from.best_by() == "soft_q" ? BestBy::kSoftQ : BestBy::kQ;
  to.entropy = from.entropy() == "mixture" ? EntropyOf::kMixture : EntropyOf::kComponent;
  to.router_loss = from.router_loss() == "brier"           ? RouterLoss::kBrier
                   : from.router_loss() == "cross_entropy" ? RouterLoss::kCrossEntropy
                                                           : RouterLoss::kNone;
  to.freq_reduction = from.freq_reduction() == "mean" ? Reduction::kMean : Reduction::kSum;
  to.freq_coef = from.freq_coef();
  to.logprob_action_scale = from.logprob_action_scale();
  to.device = from.device();
  to.threads = from.threads();
  return to;
}

PolicySpec PolicySpecFromConfig(const RunConfig& config, int obs_dim,
                                const std::vector<double>& action_low,
                                const std::vector<double>& action_high) {
  SquashedPolicyOptions options;
  options.obs_dim = obs_dim;
  options.action_low = action_low;
  options.action_high = action_high;
  options.primitives = config.policy().primitives();
  options.hidden.assign(config.policy().hidden().begin(), config.policy().hidden().end());
  options.has_router = config.algorithm() != "sac";
  options.router_reads_obs = config.policy().router_input() == "obs";
  return MakeSquashedPolicySpec(options);
}

}  // namespace pmoe
