#include "learner/learner_config.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "common/config/algorithms.h"
#include "common/config/run_config.h"

namespace pmoe {
namespace {

std::vector<int> ToVector(const google::protobuf::RepeatedField<int32_t>& list) {
  return {list.begin(), list.end()};
}

Estimator EstimatorOf(absl::string_view algorithm) {
  if (algorithm == "mrp_sac") return Estimator::kMarginal;
  if (algorithm == "pmoe_gumbel_sac") return Estimator::kGumbel;
  if (algorithm == "pmoe_reinforce_sac") return Estimator::kReinforce;
  return Estimator::kFrequency;
}

HeadType HeadOf(absl::string_view algorithm) {
  if (!IsMixture(algorithm)) return HeadType::kGaussian;
  if (algorithm == "dac") return HeadType::kOption;
  if (absl::StartsWith(algorithm, "gating")) return HeadType::kGating;
  if (absl::StartsWith(algorithm, "mcp")) return HeadType::kMcp;
  return HeadType::kMixture;
}

RatioOf RatioFrom(const RunConfig& config) {
  if (config.algorithm() == "pmoe_gumbel_ppo") return RatioOf::kGumbel;
  const bool draws = HeadOf(config.algorithm()) == HeadType::kMixture;
  const std::string& ratio = config.learner().ppo_ratio();
  if (!draws || ratio == "mixture") return RatioOf::kDensity;
  return ratio == "joint" ? RatioOf::kJoint : RatioOf::kComponent;
}

ActionMap ActionMapFrom(const PolicyConfig& policy) {
  if (policy.action_map() == "clip") return ActionMap::kClip;
  return policy.action_map() == "rescale_clip" ? ActionMap::kRescaleClip : ActionMap::kSquash;
}

Activation ActivationFrom(const std::string& name) {
  if (name == "tanh") return Activation::kTanh;
  return name == "relu" ? Activation::kRelu : Activation::kIdentity;
}

// What policy and value nets begin with, and how they step.
void FillNetOptions(const RunConfig& config, PpoOptions* to) {
  const LearnerConfig& from = config.learner();
  const PolicyConfig& policy = config.policy();
  to->learning_rate = from.actor_lr();
  to->qnet_learning_rate = from.critic_lr();
  to->linear_schedule = from.lr_schedule() == "linear";
  to->total_rollouts = TotalSteps(config) / config.schedule().steps_per_round();
  to->adam_epsilon = from.adam_epsilon();
  to->sgd = from.optimizer() == "sgd";
  to->value_net = from.value_net() == "trunk" ? ValueNet::kTrunk : ValueNet::kSeparate;
  to->value_hidden = ToVector(from.critic_hidden());
  to->value_activation = ActivationFrom(policy.activation());
  to->init = policy.init() == "orthogonal" ? WeightInit::kOrthogonal : WeightInit::kFanIn;
  to->hidden_gain = policy.hidden_gain();
  to->head_gain = policy.head_gain();
  to->value_gain = from.value_gain();
  to->log_std_init = policy.log_std_init();
  to->router_detached = policy.router_input() == "trunk_detached";
}

// What is PMOE's own.
void FillMixtureOptions(const RunConfig& config, PpoOptions* to) {
  const LearnerConfig& from = config.learner();
  to->ratio = RatioFrom(config);
  to->frequency_loss = config.algorithm() == "pmoe_ppo" && from.router_loss() != "none" &&
                       from.ppo_router_grad() != "surrogate";
  to->router_grad = from.ppo_router_grad() == "freq" ? RouterGrad::kFrequency : RouterGrad::kBoth;
  to->freq_coef = from.freq_coef();
  to->freq_mean = from.freq_reduction() == "mean";
  to->freq_cross_entropy = from.router_loss() == "cross_entropy";
  to->qnet_hidden = ToVector(from.qnet_hidden());
  to->qnet_reads_trunk = from.qnet_input() == "trunk";
  to->gumbel_tau = from.gumbel_tau();
  to->gumbel_tau_end = from.has_gumbel_tau_end() ? from.gumbel_tau_end() : from.gumbel_tau();
  to->dac_compat = from.dac_compat();
}

}  // namespace

SacOptions SacOptionsFromConfig(const RunConfig& config, int action_dim) {
  const LearnerConfig& from = config.learner();
  SacOptions to;
  to.seed = config.seed();
  to.batch_size = from.batch_size();
  to.critic_hidden = ToVector(from.critic_hidden());
  to.twin_critics = from.critics() == "twin";
  to.actor_lr = from.actor_lr();
  to.critic_lr = from.critic_lr();
  to.adam_epsilon = from.adam_epsilon();
  to.sgd = from.optimizer() == "sgd";
  to.alpha = from.alpha();
  to.tune_alpha = from.tune_alpha();
  to.alpha_lr = from.alpha_lr();
  to.target_entropy =
      from.has_target_entropy() ? from.target_entropy() : -static_cast<double>(action_dim);
  to.tau = from.tau();
  to.router_detached = config.policy().router_input() == "trunk_detached";
  to.target_policy = from.target_policy();
  to.target = from.target() == "expected" ? TargetOver::kExpected : TargetOver::kSample;
  to.estimator = EstimatorOf(config.algorithm());
  to.gumbel_tau = from.gumbel_tau();
  to.gumbel_tau_end = from.has_gumbel_tau_end() ? from.gumbel_tau_end() : from.gumbel_tau();
  to.gumbel_anneal_updates = static_cast<int64_t>(
      static_cast<double>(config.schedule().total_steps()) * config.schedule().updates_per_step());
  to.gumbel_hard = from.gumbel_hard();
  to.reinforce_baseline =
      from.reinforce_baseline() == "expected" ? Baseline::kExpected : Baseline::kNone;
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

PpoOptions PpoOptionsFromConfig(const RunConfig& config) {
  const LearnerConfig& from = config.learner();
  PpoOptions to;
  to.seed = config.seed();
  to.rollout_steps = config.schedule().steps_per_round();
  to.batch_size = from.batch_size();
  to.epochs = from.epochs();
  to.gamma = from.gamma();
  to.gae_lambda = from.gae_lambda();
  to.clip = from.clip();
  to.value_coef = from.value_coef();
  to.value_clip = from.value_clip();
  to.entropy_coef = from.entropy_coef();
  to.grad_norm_max = from.grad_norm_max();
  to.advantage_norm = from.advantage_norm() == "none"      ? AdvantageNorm::kNone
                      : from.advantage_norm() == "rollout" ? AdvantageNorm::kRollout
                                                           : AdvantageNorm::kMinibatch;
  to.recompute_advantage = from.recompute_advantage();
  to.reward_norm = from.reward_norm() == "none"         ? RewardNorm::kNone
                   : from.reward_norm() == "return_std" ? RewardNorm::kReturnStd
                                                        : RewardNorm::kDiscountedStd;
  to.behavior_log_prob = config.schedule().mode() == "async";
  FillNetOptions(config, &to);
  FillMixtureOptions(config, &to);
  to.device = from.device();
  to.threads = from.threads();
  return to;
}

PolicySpec PolicySpecFromConfig(const RunConfig& config, int obs_dim,
                                const std::vector<double>& action_low,
                                const std::vector<double>& action_high) {
  const PolicyConfig& policy = config.policy();
  PolicyOptions options;
  options.obs_dim = obs_dim;
  options.action_low = action_low;
  options.action_high = action_high;
  options.head = HeadOf(config.algorithm());
  options.action_map = ActionMapFrom(policy);
  options.gating_squared = policy.gating_variance() == "w2";
  options.normalizes_obs = policy.normalize_obs();
  options.primitives = policy.primitives();
  options.activation = ActivationFrom(policy.activation());
  options.hidden = ToVector(policy.hidden());
  options.primitive_hidden = ToVector(policy.primitive_hidden());
  options.router_hidden = ToVector(policy.router_hidden());
  options.router_reads_obs = policy.router_input() == "obs";
  options.mean_activation = ActivationFrom(policy.mean_activation());
  options.std_is_parameter = policy.std() == "parameter";
  if (options.head == HeadType::kOption) options.std_activation = Activation::kLogSoftplus;
  if (IsOnPolicy(config.algorithm()))
    options.columns = PpoColumns(PpoOptionsFromConfig(config), options.head);
  return MakePolicySpec(options);
}

// kClip takes the Gaussian's number as it is, and a new policy's lies within a few units of 0.
std::vector<std::string> PolicyWarnings(const PolicySpec& policy) {
  constexpr double kNarrow = 0.1, kWide = 10.0;  // half a range
  constexpr size_t kListed = 4;
  if (policy.action_map != ActionMap::kClip) return {};
  std::vector<std::string> odd;
  for (size_t i = 0; i < policy.action_low.size(); ++i) {
    const double low = policy.action_low[i], high = policy.action_high[i];
    const double half = (high - low) / 2;
    if (low < 0 && high > 0 && half >= kNarrow && half <= kWide) continue;
    odd.push_back(absl::StrCat("action ", i, " lies in [", low, ", ", high, "]"));
  }
  if (odd.empty()) return {};
  const size_t more = odd.size() > kListed ? odd.size() - kListed : 0;
  odd.resize(odd.size() - more);
  return {absl::StrCat(
      absl::StrJoin(odd, ", "), more > 0 ? absl::StrCat(" and ", more, " more are like that") : "",
      ": a policy that is clipped starts at 0 +- 1 and hardly reaches such bounds; "
      "--set policy.action_map=rescale_clip spreads [-1, 1] over them")};
}

absl::StatusOr<std::unique_ptr<Learner>> MakeLearner(const RunConfig& config,
                                                     const PolicySpec& policy) {
  if (config.algorithm() == "dac") return MakeDacLearner(PpoOptionsFromConfig(config), policy);
  if (IsOnPolicy(config.algorithm())) return MakePpoLearner(PpoOptionsFromConfig(config), policy);
  return MakeSacLearner(SacOptionsFromConfig(config, policy.action_dim), policy);
}

}  // namespace pmoe
