#include "learner/sac/sac_update.h"

#include "ATen/ops/cat.h"
#include "ATen/ops/full.h"
#include "ATen/ops/ones_like.h"
#include "ATen/ops/stack.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/losses.h"
#include "learner/nets/mixture_stats.h"

namespace pmoe {
namespace {

// Of phases_.
enum Phase : size_t { kTarget, kCritic, kPolicyLoss, kPolicyGradient, kPolicyStep, kRest };

}  // namespace

SacUpdate::SacUpdate(const SacOptions& options, const PolicySpec& policy, const at::Device& device,
                     at::ScalarType type)
    : options_(options),
      policy_net_(policy, options.router_detached),
      nets_(options, policy, device, type),
      critic_net_(nets_.critic_layers, options.layer_norm()),
      log_action_scale_(LogActionScale(options, policy)),
      phases_({"target", "critic", "policy_loss", "policy_gradient", "policy_step", "rest"}) {}

at::Tensor SacUpdate::Alpha() const {
  if (options_.tune_alpha) return nets_.log_alpha.exp().unsqueeze(1);
  return at::full({options_.members, 1}, options_.alpha, nets_.log_alpha.options());
}

at::Tensor SacUpdate::Step(const SacBatch& batch, const SacNoise& noise) {
  phases_.Start();
  const at::Tensor alpha = Alpha();
  const Target target = Targets(batch, noise);
  phases_.End(kTarget);
  const at::Tensor critic_loss = StepCritics(batch, target);
  phases_.End(kCritic);

  const MixtureHeads heads = policy_net_.Forward(nets_.actor, batch.obs, /*train=*/true);
  const auto critic = [&](const at::Tensor& action) {
    return critic_net_.Forward(nets_.critics, batch.obs, action, /*train=*/false);
  };
  // A constant in the log-probability has no gradient in the policy: it counts in the target and in
  // alpha's loss only.
  const PolicyLossTerms terms = PolicyLoss(options_, heads, noise.policy, alpha, critic);
  at::Tensor loss = terms.primitive.sum();
  if (terms.frequency.defined()) loss = loss + terms.frequency.sum() * options_.freq_coef;
  phases_.End(kPolicyLoss);
  loss.backward();
  phases_.End(kPolicyGradient);
  nets_.actor_optimizer.Step(&nets_.actor.values(), &nets_.actor.gradient());

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

// y = r + discount (q - alpha log pi) of each next action (Eq. 16), and the mean over them by the
// router's weight where there are several.
SacUpdate::Target SacUpdate::Targets(const SacBatch& batch, const SacNoise& noise) const {
  const c10::AutoGradMode no_grad(false);
  const FlatParameters& parameters = nets_.actor_target ? *nets_.actor_target : nets_.actor;
  const MixtureHeads heads = policy_net_.Forward(parameters, batch.next_obs, /*train=*/false);
  at::Tensor w = heads.RouterWeights();
  const bool draw = options_.target == TargetOver::kSample && w.size(2) > 1;
  MixtureHeads chosen = heads;
  at::Tensor eps = noise.next_eps;
  if (draw) {
    const at::Tensor index = DrawPrimitive(w, noise.next_primitive);  // k' ~ Cat(w(s'))
    chosen = {SelectPrimitive(heads.mean, index), SelectPrimitive(heads.log_std, index)};
    eps = SelectPrimitive(eps, index);
  }
  const PrimitiveActions actions = SamplePrimitives(chosen, eps);
  at::Tensor log_prob = ChosenLogProb(options_, heads, actions) - log_action_scale_;  // [M, B, S]
  if (options_.quantiles > 0) {
    const at::Tensor atoms = SmallestAtoms(
        critic_net_.Outputs(nets_.targets, batch.next_obs, actions.action, /*train=*/false),
        options_.target_atoms());  // [M, B, S, Y / S]
    const at::Tensor cost = Alpha().unsqueeze(2) * log_prob;
    if (log_prob.size(2) == 1) w = at::ones_like(log_prob);
    Target target;
    target.atoms = (batch.reward.unsqueeze(2).unsqueeze(3) +
                    batch.discount.unsqueeze(2).unsqueeze(3) * (atoms - cost.unsqueeze(3)))
                       .flatten(2);
    target.weight = (w.unsqueeze(3).expand_as(atoms) / atoms.size(3)).flatten(2);
    target.y = (target.weight * target.atoms).sum(2);
    return target;
  }
  at::Tensor q = MinOverCritics(
      critic_net_.Forward(nets_.targets, batch.next_obs, actions.action, /*train=*/false));
  if (q.size(2) > 1) {  // sum_k w_k
    q = (w * q).sum(2, /*keepdim=*/true);
    log_prob = (w * log_prob).sum(2, /*keepdim=*/true);
  }
  return {CriticTarget(batch.reward, batch.discount, q.squeeze(2), log_prob.squeeze(2), Alpha()),
          {},
          {}};
}

at::Tensor SacUpdate::StepCritics(const SacBatch& batch, const Target& target) {
  const at::Tensor outputs =
      critic_net_.Outputs(nets_.critics, batch.obs, batch.action.unsqueeze(2), /*train=*/true)
          .squeeze(3);  // [M, C, B, Z]
  const bool weighted = batch.weight.defined();
  at::Tensor loss;
  if (options_.quantiles > 0) {
    const at::Tensor rows = QuantileHuber(outputs, target.atoms, target.weight);  // [M, C, B]
    loss = (weighted ? rows * batch.weight.unsqueeze(1) : rows).mean(2).sum(1);
  } else {
    const at::Tensor q = outputs.squeeze(3);
    loss = weighted ? CriticLoss(q, target.y, batch.weight) : CriticLoss(q, target.y);
  }
  if (weighted) {
    row_errors_ = (outputs.detach().mean(3) - target.y.unsqueeze(1)).abs().mean(1);
  }
  loss.sum().backward();
  nets_.critic_optimizer.Step(&nets_.critics.values(), &nets_.critics.gradient());
  return loss.detach();
}

void SacUpdate::StepAlpha(const at::Tensor& log_prob) {
  const c10::AutoGradMode no_grad(false);
  // Of the temperature loss -mean_B log_alpha (log pi + target_entropy), linear in log_alpha.
  nets_.log_alpha_gradient.copy_(-(log_prob + options_.target_entropy).mean(1));
  nets_.alpha_optimizer.Step(&nets_.log_alpha, &nets_.log_alpha_gradient);
}

void SacUpdate::MoveTargets() {
  const c10::AutoGradMode no_grad(false);
  nets_.targets.values().lerp_(nets_.critics.values(), options_.tau);
  if (nets_.actor_target) nets_.actor_target->values().lerp_(nets_.actor.values(), options_.tau);
}

}  // namespace pmoe
