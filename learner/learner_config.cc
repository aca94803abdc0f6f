#include "learner/learner_config.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/log.h"
#include "common/config/critic_choices.h"
#include "common/config/learner_choices.h"
#include "common/config/policy_choices.h"
#include "common/config/ppo_choices.h"
#include "common/config/run_config.h"

namespace pmoe {
namespace {

std::vector<int> ToVector(const google::protobuf::RepeatedField<int32_t>& list) {
  return {list.begin(), list.end()};
}

// Hidden layers' and means' choices are activations, two of them each.
Activation ActivationFrom(const std::string& name) { return ParseChoice<Activation>(name); }

RatioOf RatioFrom(const RunConfig& config) {
  const Algorithm& algorithm = AlgorithmOf(config);
  if (!algorithm.draws_primitive()) return RatioOf::kDensity;
  if (algorithm.estimator == Estimator::kGumbel) return RatioOf::kGumbel;
  return ParseChoice<RatioOf>(config.learner().ppo_ratio());
}

double GumbelTauEnd(const LearnerConfig& from) {
  return from.has_gumbel_tau_end() ? from.gumbel_tau_end() : from.gumbel_tau();
}

double TargetEntropy(const LearnerConfig& from, int action_dim) {
  return from.has_target_entropy() ? from.target_entropy() : -static_cast<double>(action_dim);
}

RouterInput RouterInputOf(const PolicyConfig& policy) {
  return ParseChoice<RouterInput>(policy.router_input());
}

HeadTie HeadTieOf(const PolicyConfig& policy) {
  HeadTie tie;
  tie.init = policy.residual_init();
  if (ParseChoice<Heads>(policy.heads()) == Heads::kTied) {
    tie.mean = tie.log_std = policy.residual_scale();
  }
  if (policy.shared_log_std()) tie.log_std = 0.0;
  return tie;
}

// What policy and value nets begin with, and how they step.
void FillNetOptions(const RunConfig& config, PpoOptions* to) {
  const LearnerConfig& from = config.learner();
  const PolicyConfig& policy = config.policy();
  to->learning_rate = from.actor_lr();
  to->qnet_learning_rate = from.critic_lr();
  to->linear_schedule = ParseChoice<Schedule>(from.lr_schedule()) == Schedule::kLinear;
  to->total_rollouts = TotalSteps(config) / config.schedule().steps_per_round();
  to->adam_epsilon = from.adam_epsilon();
  to->sgd = ParseChoice<OptimizerKind>(from.optimizer()) == OptimizerKind::kSgd;
  to->value_net = ParseChoice<ValueNet>(from.value_net());
  to->value_hidden = ToVector(from.critic_hidden());
  to->value_activation = ActivationFrom(policy.activation());
  to->init = ParseChoice<WeightInit>(policy.init());
  to->hidden_gain = policy.hidden_gain();
  to->head_gain = policy.head_gain();
  to->value_gain = from.value_gain();
  to->log_std_init = policy.log_std_init();
  to->tie = HeadTieOf(policy);
  to->router_detached = RouterInputOf(policy) == RouterInput::kTrunkDetached;
}

// What is PMOE's own.
void FillMixtureOptions(const RunConfig& config, PpoOptions* to) {
  const LearnerConfig& from = config.learner();
  const RouterLoss router_loss = ParseChoice<RouterLoss>(from.router_loss());
  to->ratio = RatioFrom(config);
  to->router_grad = ParseChoice<RouterGrad>(from.ppo_router_grad());
  to->frequency_loss = AlgorithmOf(config).frequency_loss() && router_loss != RouterLoss::kNone &&
                       to->router_grad != RouterGrad::kSurrogate;
  to->freq_coef = from.freq_coef();
  to->freq_mean = ParseChoice<Reduction>(from.freq_reduction()) == Reduction::kMean;
  to->freq_cross_entropy = router_loss == RouterLoss::kCrossEntropy;
  to->qnet_hidden = ToVector(from.qnet_hidden());
  to->qnet_reads_trunk = ParseChoice<QnetInput>(from.qnet_input()) == QnetInput::kTrunk;
  to->gumbel_tau = from.gumbel_tau();
  to->gumbel_tau_end = GumbelTauEnd(from);
  to->dac_compat = from.dac_compat();
  to->rank_by = ParseChoice<RankBy>(from.rank_by());
  to->router_target = ParseChoice<RouterTarget>(from.router_target());
  to->router_target_tau = from.router_target_tau();
  to->router_entropy_min = from.router_entropy_min();
  to->router_entropy_coef = from.router_entropy_coef();
}

}  // namespace

SacOptions SacOptionsFromConfig(const RunConfig& config, int action_dim) {
  const LearnerConfig& from = config.learner();
  SacOptions to;
  to.seed = config.seed();
  to.batch_size = from.batch_size();
  to.critic_hidden = ToVector(from.critic_hidden());
  to.twin_critics = ParseChoice<Critics>(from.critics()) == Critics::kTwin;
  to.quantiles = from.critic_quantiles();
  to.dropped_quantiles = from.dropped_quantiles();
  to.quantile_critics = from.quantile_critics();
  to.critic_norm = ParseChoice<CriticNorm>(from.critic_norm());
  to.actor_lr = from.actor_lr();
  to.critic_lr = from.critic_lr();
  to.adam_epsilon = from.adam_epsilon();
  to.sgd = ParseChoice<OptimizerKind>(from.optimizer()) == OptimizerKind::kSgd;
  to.alpha = from.alpha();
  to.tune_alpha = from.tune_alpha();
  to.alpha_lr = from.alpha_lr();
  to.target_entropy = TargetEntropy(from, action_dim);
  to.tau = from.tau();
  to.router_detached = RouterInputOf(config.policy()) == RouterInput::kTrunkDetached;
  to.target_policy = from.target_policy();
  to.tie = HeadTieOf(config.policy());
  to.target = ParseChoice<TargetOver>(from.target());
  to.estimator = AlgorithmOf(config).estimator;
  to.gumbel_tau = from.gumbel_tau();
  to.gumbel_tau_end = GumbelTauEnd(from);
  to.gumbel_anneal_updates = static_cast<int64_t>(
      static_cast<double>(config.schedule().total_steps()) * config.schedule().updates_per_step());
  to.gumbel_hard = from.gumbel_hard();
  to.reinforce_baseline = ParseChoice<Baseline>(from.reinforce_baseline());
  to.primitive_backprop = ParseChoice<PrimitiveBackprop>(from.primitive_backprop());
  to.loser_weight = from.loser_weight();
  to.best_by = ParseChoice<BestBy>(from.best_by());
  to.entropy = ParseChoice<EntropyOf>(from.entropy());
  to.router_loss = ParseChoice<RouterLoss>(from.router_loss());
  to.freq_reduction = ParseChoice<Reduction>(from.freq_reduction());
  to.freq_coef = from.freq_coef();
  to.logprob_action_scale = from.logprob_action_scale();
  to.step = ParseChoice<UpdateStep>(from.step());
  to.device = from.device();
  to.threads = std::max(1, from.threads());
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
  to.advantage_norm = ParseChoice<AdvantageNorm>(from.advantage_norm());
  to.recompute_advantage = from.recompute_advantage();
  to.reward_norm = ParseChoice<RewardNorm>(from.reward_norm());
  to.behavior_log_prob = !IsLockstep(config) || config.schedule().lag() > 0;
  FillNetOptions(config, &to);
  FillMixtureOptions(config, &to);
  to.step = ParseChoice<UpdateStep>(from.step());
  to.device = from.device();
  to.threads = std::max(1, from.threads());
  return to;
}

PolicySpec PolicySpecFromConfig(const RunConfig& config, int obs_dim,
                                const std::vector<double>& action_low,
                                const std::vector<double>& action_high) {
  const Algorithm& algorithm = AlgorithmOf(config);
  const PolicyConfig& policy = config.policy();
  PolicyOptions options;
  options.obs_dim = obs_dim;
  options.action_low = action_low;
  options.action_high = action_high;
  options.head = algorithm.head;
  options.action_map = ParseChoice<ActionMap>(policy.action_map());
  options.gating_squared =
      ParseChoice<GatingVariance>(policy.gating_variance()) == GatingVariance::kW2;
  options.normalizes_obs = policy.normalize_obs();
  options.primitives = policy.primitives();
  options.activation = ActivationFrom(policy.activation());
  options.hidden = ToVector(policy.hidden());
  options.primitive_hidden = ToVector(policy.primitive_hidden());
  options.router_hidden = ToVector(policy.router_hidden());
  options.router_reads_obs = RouterInputOf(policy) == RouterInput::kObs;
  options.mean_activation = ActivationFrom(policy.mean_activation());
  options.std_is_parameter = ParseChoice<LogStd>(policy.std()) == LogStd::kParameter;
  if (algorithm.has_options()) options.std_activation = Activation::kLogSoftplus;
  if (algorithm.on_policy()) {
    options.columns = PpoColumns(PpoOptionsFromConfig(config), options.head);
  }
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
  for (const std::string& warning : PolicyWarnings(policy)) Log(LogLevel::kInfo, warning);
  const Algorithm& algorithm = AlgorithmOf(config);
  if (algorithm.has_options()) return MakeDacLearner(PpoOptionsFromConfig(config), policy);
  if (algorithm.on_policy()) return MakePpoLearner(PpoOptionsFromConfig(config), policy);
  return MakeSacLearner(SacOptionsFromConfig(config, policy.action_dim), policy);
}

}  // namespace pmoe
