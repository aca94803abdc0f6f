#include "learner/sac/sac_update.h"

#include <cmath>

#include "ATen/ops/cat.h"
#include "ATen/ops/full.h"
#include "ATen/ops/stack.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/losses.h"
#include "learner/nets/init.h"
#include "learner/nets/mixture_stats.h"
#include "learner/nets/tensor_io.h"

namespace pmoe {
namespace {

// Streams of kInit: layer i of the policy draws from i, layer i of the critics from 1000 + i.
constexpr uint32_t kCriticStreams = 1000;

// Of phases_.
enum Phase : size_t { kTarget, kCritic, kPolicyLoss, kPolicyGradient, kPolicyStep, kRest };

std::vector<std::string> MakeStatNames(int primitives) {
  std::vector<std::string> names = {"critic_loss", "actor_loss", "router_loss",
                                    "alpha",       "entropy",    "q_mean"};
  const std::vector<std::string> mixture = MixtureStatNames(primitives);
  names.insert(names.end(), mixture.begin(), mixture.end());
  return names;
}

double LogActionScale(const SacOptions& options, const PolicySpec& policy) {
  double sum = 0.0;
  if (!options.logprob_action_scale) return sum;
  for (size_t j = 0; j < policy.action_low.size(); ++j) {
    sum += std::log((policy.action_high[j] - policy.action_low[j]) / 2.0);
  }
  return sum;
}

}  // namespace

SacUpdate::SacUpdate(const SacOptions& options, const PolicySpec& policy, const at::Device& device)
    : options_(options),
      policy_net_(policy, options.router_detached),
      critic_net_(CriticLayers(policy.obs_dim, policy.action_dim, options.critic_hidden)),
      actor_(policy.layers, options.members, 1, device),
      critics_(CriticLayers(policy.obs_dim, policy.action_dim, options.critic_hidden),
               options.members, options.twin_critics ? 2 : 1, device),
      targets_(CriticLayers(policy.obs_dim, policy.action_dim, options.critic_hidden),
               options.members, options.twin_critics ? 2 : 1, device),
      actor_optimizer_({options.actor_lr, options.adam_epsilon, options.sgd}, actor_.values()),
      critic_optimizer_({options.critic_lr, options.adam_epsilon, options.sgd}, critics_.values()),
      log_alpha_(at::full({options.members}, std::log(std::max(options.alpha, 1e-30)),
                          at::TensorOptions().dtype(at::kFloat).device(device))),
      log_alpha_gradient_(at::zeros_like(log_alpha_)),
      alpha_optimizer_({.learning_rate = options.alpha_lr}, log_alpha_),
      log_action_scale_(LogActionScale(options, policy)),
      stat_names_(MakeStatNames(policy.primitives)),
      phases_({"target", "critic", "policy_loss", "policy_gradient", "policy_step", "rest"}) {
  InitUniformFanIn(options.seed, 0, &actor_);
  InitUniformFanIn(options.seed, kCriticStreams, &critics_);
  const c10::AutoGradMode no_grad(false);
  targets_.values().copy_(critics_.values());
  if (options.target_policy) {
    actor_target_.emplace(policy.layers, options.members, 1, device);
    actor_target_->values().copy_(actor_.values());
  }
}

at::Tensor SacUpdate::Alpha() const {
  if (options_.tune_alpha) return log_alpha_.exp().unsqueeze(1);
  return at::full({options_.members, 1}, options_.alpha, log_alpha_.options());
}

at::Tensor SacUpdate::Step(const SacBatch& batch, const SacNoise& noise) {
  phases_.Start();
  const at::Tensor alpha = Alpha();
  const at::Tensor y = TargetValues(batch, noise);
  phases_.End(kTarget);
  const at::Tensor critic_loss = StepCritics(batch, y);
  phases_.End(kCritic);

  const MixtureHeads heads = policy_net_.Forward(actor_, batch.obs, /*train=*/true);
  const auto critic = [&](const at::Tensor& action) {
    return critic_net_.Forward(critics_, batch.obs, action, /*train=*/false);
  };
  // A constant in the log-probability has no gradient in the policy: it counts in the target and in
  // alpha's loss only.
  const PolicyLossTerms terms = PolicyLoss(options_, heads, noise.policy, alpha, critic);
  at::Tensor loss = terms.primitive.sum();
  if (terms.frequency.defined()) loss = loss + terms.frequency.sum() * options_.freq_coef;
  phases_.End(kPolicyLoss);
  loss.backward();
  phases_.End(kPolicyGradient);
  actor_optimizer_.Step(&actor_.values(), &actor_.gradient());

  phases_.End(kPolicyStep);

  const at::Tensor log_prob = terms.log_prob - log_action_scale_;
  if (options_.tune_alpha) StepAlpha(log_prob);
  MoveTargets();

  const c10::AutoGradMode no_grad(false);
  const at::Tensor frequency = terms.frequency.defined() ? terms.frequency.detach().mean()
                                                         : at::zeros_like(critic_loss.mean());
  const at::Tensor scalars = at::stack({critic_loss.mean(), terms.primitive.detach().mean(),
                                        frequency, alpha.mean(), -log_prob.mean(), terms.q.mean()});
  // Gating and MCP act with one Gaussian: none of their primitives has a score of its own.
  const at::Tensor best = heads.gate.defined() ? at::Tensor() : terms.best;
  const at::Tensor stats = at::cat({scalars, MixtureStats(heads, best)});
  phases_.End(kRest);
  return stats;
}

at::Tensor SacUpdate::TargetValues(const SacBatch& batch, const SacNoise& noise) const {
  const c10::AutoGradMode no_grad(false);
  const FlatParameters& parameters = actor_target_ ? *actor_target_ : actor_;
  const MixtureHeads heads = policy_net_.Forward(parameters, batch.next_obs, /*train=*/false);
  const at::Tensor w = heads.RouterWeights();
  const bool draw = options_.target == TargetOver::kSample && w.size(2) > 1;
  MixtureHeads chosen = heads;
  at::Tensor eps = noise.next_eps;
  if (draw) {
    const at::Tensor index = DrawPrimitive(w, noise.next_primitive);  // k' ~ Cat(w(s'))
    chosen = {SelectPrimitive(heads.mean, index), SelectPrimitive(heads.log_std, index)};
    eps = SelectPrimitive(eps, index);
  }
  const PrimitiveActions actions = SamplePrimitives(chosen, eps);
  at::Tensor q = MinOverCritics(
      critic_net_.Forward(targets_, batch.next_obs, actions.action, /*train=*/false));
  at::Tensor log_prob = ChosenLogProb(options_, heads, actions) - log_action_scale_;  // [M, B, S]
  if (q.size(2) > 1) {                                                                // sum_k w_k
    q = (w * q).sum(2, /*keepdim=*/true);
    log_prob = (w * log_prob).sum(2, /*keepdim=*/true);
  }
  return CriticTarget(batch.reward, batch.discount, q.squeeze(2), log_prob.squeeze(2), Alpha());
}

at::Tensor SacUpdate::StepCritics(const SacBatch& batch, const at::Tensor& y) {
  const at::Tensor q =
      critic_net_.Forward(critics_, batch.obs, batch.action.unsqueeze(2), /*train=*/true);
  const at::Tensor loss = CriticLoss(q.squeeze(3), y);
  loss.sum().backward();
  critic_optimizer_.Step(&critics_.values(), &critics_.gradient());
  return loss.detach();
}

void SacUpdate::StepAlpha(const at::Tensor& log_prob) {
  const c10::AutoGradMode no_grad(false);
  // Of the temperature loss -mean_B log_alpha (log pi + target_entropy), linear in log_alpha.
  log_alpha_gradient_.copy_(-(log_prob + options_.target_entropy).mean(1));
  alpha_optimizer_.Step(&log_alpha_, &log_alpha_gradient_);
}

void SacUpdate::MoveTargets() {
  const c10::AutoGradMode no_grad(false);
  targets_.values().lerp_(critics_.values(), options_.tau);
  if (actor_target_) actor_target_->values().lerp_(actor_.values(), options_.tau);
}

void SacUpdate::SaveState(ByteWriter* out) const {
  SaveTensor(actor_.values(), out);
  SaveTensor(critics_.values(), out);
  SaveTensor(targets_.values(), out);
  if (actor_target_) SaveTensor(actor_target_->values(), out);
  actor_optimizer_.SaveState(out);
  critic_optimizer_.SaveState(out);
  SaveTensor(log_alpha_, out);
  alpha_optimizer_.SaveState(out);
}

absl::Status SacUpdate::LoadState(ByteReader* in) {
  absl::Status status = LoadTensor(in, &actor_.values());
  if (status.ok()) status = LoadTensor(in, &critics_.values());
  if (status.ok()) status = LoadTensor(in, &targets_.values());
  if (status.ok() && actor_target_) status = LoadTensor(in, &actor_target_->values());
  if (status.ok()) status = actor_optimizer_.LoadState(in);
  if (status.ok()) status = critic_optimizer_.LoadState(in);
  if (status.ok()) status = LoadTensor(in, &log_alpha_);
  if (status.ok()) status = alpha_optimizer_.LoadState(in);
  return status;
}

}  // namespace pmoe
