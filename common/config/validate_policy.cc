#include "common/config/validate_policy.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/config/learner_choices.h"
#include "common/config/policy_choices.h"
#include "common/config/ppo_choices.h"
#include "common/config/presets.h"
#include "common/config/run_config.h"

namespace pmoe {
namespace {

absl::Status CheckPrimitives(const RunConfig& config) {
  if (AlgorithmOf(config).has_router() || !config.policy().has_primitives() ||
      config.policy().primitives() == 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "policy.primitives must be 1 with algorithm ", config.algorithm(), ", got ",
      config.policy().primitives(), "; leave it unset, or use --algo pmoe_", config.algorithm()));
}

bool Ranks(const LearnerConfig& learner) {
  return ParseChoice<RouterLoss>(learner.router_loss()) != RouterLoss::kNone &&
         ParseChoice<RouterGrad>(learner.ppo_router_grad()) != RouterGrad::kSurrogate;
}

// A target by scores needs scores.
absl::Status CheckRanking(const RunConfig& config) {
  const LearnerConfig& learner = config.learner();
  // What the algorithm has by itself is nobody's mistake, nor is what it had: a run of before says
  // so.
  PMOE_ASSIGN_OR_RETURN(const RunConfig own, PresetConfig(config.preset(), AlgorithmOf(config)));
  const LearnerConfig& unset = own.learner();
  const bool named_rank = learner.rank_by() != unset.rank_by() &&
                          learner.rank_by() != LearnerConfig::default_instance().rank_by();
  if (!Ranks(learner) && (named_rank || learner.router_target() != unset.router_target())) {
    return absl::InvalidArgumentError(
        "learner.rank_by and router_target do nothing with learner.ppo_router_grad surrogate or "
        "router_loss none: nothing is ranked; leave them away, or one of those");
  }
  if (learner.router_entropy_min() == 0.0 &&
      learner.router_entropy_coef() != unset.router_entropy_coef()) {
    return absl::InvalidArgumentError(
        "learner.router_entropy_coef does nothing without learner.router_entropy_min; leave it "
        "away, or give a floor, e.g. --set learner.router_entropy_min=0.5");
  }
  if (ParseChoice<RouterTarget>(learner.router_target()) != RouterTarget::kSoftmax) {
    if (learner.router_target_tau() == unset.router_target_tau()) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        "learner.router_target_tau does nothing with learner.router_target winner; leave it away, "
        "or use --set learner.router_target=softmax");
  }
  if (ParseChoice<RankBy>(learner.rank_by()) != RankBy::kAdvantage) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "learner.router_target must be winner with learner.rank_by advantage, got softmax; a row's "
      "advantage says nothing of the primitives that did not act: take rank_by arm_q");
}

// What the primitives' last layers have in common means something where they read the same, and is
// moved by Adam.
absl::Status CheckTie(const RunConfig& config) {
  const PolicyConfig& policy = config.policy();
  const bool tied = ParseChoice<Heads>(policy.heads()) == Heads::kTied;
  const bool parameter = ParseChoice<LogStd>(policy.std()) == LogStd::kParameter;
  const PolicyConfig& unset = PolicyConfig::default_instance();
  if (!tied && (policy.residual_scale() != unset.residual_scale() ||
                policy.residual_init() != unset.residual_init())) {
    return absl::InvalidArgumentError(
        "policy.residual_scale and residual_init do nothing with policy.heads separate; leave them "
        "away, or use --set policy.heads=tied");
  }
  if (!tied && !policy.shared_log_std()) return absl::OkStatus();
  const std::string field = tied ? "policy.heads=tied" : "policy.shared_log_std=true";
  const std::string separate = tied ? "policy.heads=separate" : "policy.shared_log_std=false";
  if (policy.primitive_hidden_size() > 0 && (tied || !parameter)) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " does not go with policy.primitive_hidden (",
                     policy.primitive_hidden(0), policy.primitive_hidden_size() > 1 ? ", …" : "",
                     "): primitives with layers of their own have no last layer in common; leave "
                     "the layers away, "
                     "or use --set ",
                     separate));
  }
  if (ParseChoice<OptimizerKind>(config.learner().optimizer()) == OptimizerKind::kSgd) {
    return absl::InvalidArgumentError(absl::StrCat("learner.optimizer must be adam with ", field,
                                                   ", got sgd; use adam, or --set ", separate));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPolicy(const RunConfig& config) {
  PMOE_RETURN_IF_ERROR(CheckPrimitives(config));
  const Algorithm& algorithm = AlgorithmOf(config);
  const bool on_policy = algorithm.on_policy();
  const PolicyConfig& policy = config.policy();
  if (on_policy == (ParseChoice<ActionMap>(policy.action_map()) == ActionMap::kSquash)) {
    return absl::InvalidArgumentError(
        absl::StrCat("policy.action_map must be ", on_policy ? "clip or rescale_clip" : "squash",
                     " with algorithm ", config.algorithm(), ", got ", policy.action_map()));
  }
  if (policy.normalize_obs() && !on_policy) {
    return absl::InvalidArgumentError(
        absl::StrCat("policy.normalize_obs must be false with algorithm ", config.algorithm(),
                     "; its statistics come from rollouts, which only PPO has"));
  }
  const LearnerConfig& learner = config.learner();
  if (on_policy && algorithm.frequency_loss() &&
      ParseChoice<RouterLoss>(learner.router_loss()) == RouterLoss::kNone &&
      ParseChoice<RouterGrad>(learner.ppo_router_grad()) == RouterGrad::kFrequency) {
    return absl::InvalidArgumentError(
        "learner.ppo_router_grad must be surrogate or both with learner.router_loss none, got "
        "freq; nothing would train the router");
  }
  PMOE_RETURN_IF_ERROR(CheckRanking(config));
  PMOE_RETURN_IF_ERROR(CheckTie(config));
  if (!on_policy && algorithm.estimator == Estimator::kGumbel &&
      ParseChoice<EntropyOf>(learner.entropy()) != EntropyOf::kComponent) {
    return absl::InvalidArgumentError(
        absl::StrCat("learner.entropy must be component with algorithm ", algorithm.name, ", got ",
                     learner.entropy()));
  }
  return absl::OkStatus();
}

std::vector<std::string> QnetWarnings(const RunConfig& config) {
  const Algorithm& algorithm = AlgorithmOf(config);
  const LearnerConfig& learner = config.learner();
  const bool by_qnet =
      Ranks(learner) && ParseChoice<RankBy>(learner.rank_by()) != RankBy::kAdvantage;
  if (!algorithm.on_policy() || !algorithm.frequency_loss() || by_qnet) return {};
  const absl::StatusOr<RunConfig> preset = PresetConfig(config.preset(), algorithm);
  if (!preset.ok()) return {};
  const LearnerConfig& own = preset->learner();
  std::vector<std::string> idle;
  if (!std::ranges::equal(learner.qnet_hidden(), algorithm.hidden->qnet)) {
    idle.emplace_back("learner.qnet_hidden");
  }
  if (learner.qnet_input() != own.qnet_input()) idle.emplace_back("learner.qnet_input");
  if (learner.critic_lr() != own.critic_lr()) idle.emplace_back("learner.critic_lr");
  for (std::string& text : idle) {
    text += " does nothing: no Q-network ranks primitives; learner.rank_by=action_q has one";
  }
  return idle;
}

}  // namespace pmoe
