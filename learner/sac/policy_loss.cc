#include "learner/sac/policy_loss.h"

#include <tuple>
#include <utility>

#include "ATen/ops/argmax.h"
#include "ATen/ops/cumsum.h"
#include "ATen/ops/minimum.h"
#include "ATen/ops/one_hot.h"
#include "ATen/ops/ones_like.h"
#include "ATen/ops/zeros.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/losses.h"

namespace pmoe {
namespace {

// Index of the best primitive per row, [M, B] (argmax of Eq. 12). Without gradient: the index has
// none.
at::Tensor BestPrimitive(const SacOptions& options, const MixtureHeads& heads,
                         const at::Tensor& eps, const at::Tensor& alpha, CriticFunction critic) {
  const c10::AutoGradMode no_grad(false);
  const int64_t members = eps.size(0), batch = eps.size(1), primitives = eps.size(2);
  if (primitives == 1) return at::zeros({members, batch}, eps.options().dtype(at::kLong));
  const PrimitiveActions actions = SamplePrimitives(heads, eps);
  at::Tensor score = OverCritics(options, critic(actions.action));  // [M, B, K]
  if (options.best_by == BestBy::kSoftQ) {
    score = score - alpha.unsqueeze(2) * ChosenLogProb(options, heads, actions);
  }
  return score.argmax(2);
}

MixtureHeads SelectHeads(const MixtureHeads& heads, const at::Tensor& index) {
  return {SelectPrimitive(heads.mean, index), SelectPrimitive(heads.log_std, index)};
}

// Weights of the primitives in L_pri, [M, B, K]: all ones (Eq. 13), or 1 - e for the best and e /
// (K - 1) for others.
at::Tensor PrimitiveWeights(const SacOptions& options, const at::Tensor& best,
                            const at::Tensor& like) {
  if (options.primitive_backprop == PrimitiveBackprop::kAll) return at::ones_like(like);
  const int64_t primitives = like.size(2);
  const double loser = options.loser_weight / static_cast<double>(primitives - 1);
  const at::Tensor winner = at::one_hot(best, primitives).to(like.dtype());
  return winner * (1.0 - options.loser_weight - loser) + loser;
}

at::Tensor RouterTerm(const SacOptions& options, const MixtureHeads& heads,
                      const at::Tensor& best) {
  if (!heads.router_logits.defined()) return {};
  switch (options.router_loss) {
    case RouterLoss::kBrier:
      return FrequencyLoss(heads.RouterWeights(), best, options.freq_reduction == Reduction::kMean);
    case RouterLoss::kCrossEntropy:
      return RouterCrossEntropy(heads.LogRouterWeights(), best);
    case RouterLoss::kNone:
      break;
  }
  return {};
}

// PMOE: the best primitive is trained (Eq. 14), or all (Eq. 13), and the router towards the best.
PolicyLossTerms FrequencyTerms(const SacOptions& options, const MixtureHeads& heads,
                               const at::Tensor& eps, const at::Tensor& alpha,
                               CriticFunction critic) {
  PolicyLossTerms terms;
  terms.best = BestPrimitive(options, heads, eps, alpha, critic);
  // Under max only the winner has a gradient (Eq. 14): the others are left out of the graph, which
  // is the same gradient for fewer critic rows.
  const bool winner_only = options.primitive_backprop == PrimitiveBackprop::kMax &&
                           options.loser_weight == 0.0 && eps.size(2) > 1;
  const PrimitiveActions actions = winner_only ? SamplePrimitives(SelectHeads(heads, terms.best),
                                                                  SelectPrimitive(eps, terms.best))
                                               : SamplePrimitives(heads, eps);
  const at::Tensor log_prob = ChosenLogProb(options, heads, actions);  // [M, B, S]
  const at::Tensor q = OverCritics(options, critic(actions.action));   // [M, B, S]
  const bool single = winner_only || eps.size(2) == 1;
  const at::Tensor weight = single ? at::ones_like(q) : PrimitiveWeights(options, terms.best, q);
  terms.primitive = PrimitiveLoss(q, log_prob, weight, alpha);
  const auto of_best = [&](const at::Tensor& x) {
    return (single ? x : SelectPrimitive(x, terms.best)).squeeze(2).detach();
  };
  terms.log_prob = of_best(log_prob);
  terms.q = of_best(q);
  terms.frequency = RouterTerm(options, heads, terms.best);
  return terms;
}

PolicyLossTerms MarginalTerms(const SacOptions& options, const MixtureHeads& heads,
                              const at::Tensor& eps, const at::Tensor& alpha,
                              CriticFunction critic) {
  const PrimitiveActions actions = SamplePrimitives(heads, eps);
  const at::Tensor log_prob = ChosenLogProb(options, heads, actions);  // [M, B, K]
  const at::Tensor q = OverCritics(options, critic(actions.action));   // [M, B, K]
  const at::Tensor w = heads.RouterWeights();
  PolicyLossTerms terms;
  terms.primitive = MarginalLoss(w, q, log_prob, alpha);
  terms.best = q.detach().argmax(2);
  terms.log_prob = (w * log_prob).sum(2).detach();
  terms.q = (w * q).sum(2).detach();
  return terms;
}

PolicyLossTerms GumbelTerms(const SacOptions& options, const MixtureHeads& heads,
                            const PolicyNoise& noise, const at::Tensor& alpha,
                            CriticFunction critic) {
  const PrimitiveActions actions = SamplePrimitives(heads, noise.eps);
  const at::Tensor y =
      GumbelWeights(heads.router_logits, noise.gumbel, noise.gumbel_tau, options.gumbel_hard);
  const at::Tensor action = (y.unsqueeze(3) * actions.action).sum(2, /*keepdim=*/true);
  const at::Tensor log_prob = (y * actions.log_prob).sum(2, /*keepdim=*/true);  // [M, B, 1]
  const at::Tensor q = OverCritics(options, critic(action));                    // [M, B, 1]
  PolicyLossTerms terms;
  terms.best = BestPrimitive(options, heads, noise.eps, alpha, critic);
  terms.primitive = PrimitiveLoss(q, log_prob, at::ones_like(q), alpha);
  terms.log_prob = log_prob.squeeze(2).detach();
  terms.q = q.squeeze(2).detach();
  return terms;
}

// sum_k w_k c_k, [M, B], and the best primitive, as BestPrimitive has it: every primitive is scored
// once for both.
std::pair<at::Tensor, at::Tensor> ExpectedCost(const SacOptions& options, const MixtureHeads& heads,
                                               const at::Tensor& eps, const at::Tensor& alpha,
                                               CriticFunction critic) {
  const c10::AutoGradMode no_grad(false);
  const PrimitiveActions actions = SamplePrimitives(heads, eps);
  const at::Tensor q = OverCritics(options, critic(actions.action));  // [M, B, K]
  const at::Tensor cost = alpha.unsqueeze(2) * ChosenLogProb(options, heads, actions) - q;
  const at::Tensor best = (options.best_by == BestBy::kSoftQ ? -cost : q).argmax(2);
  return {(heads.RouterWeights() * cost).sum(2), best};
}

PolicyLossTerms ReinforceTerms(const SacOptions& options, const MixtureHeads& heads,
                               const PolicyNoise& noise, const at::Tensor& alpha,
                               CriticFunction critic) {
  const at::Tensor k = DrawPrimitive(heads.RouterWeights().detach(), noise.primitive);  // [M, B]
  const PrimitiveActions actions =
      SamplePrimitives(SelectHeads(heads, k), SelectPrimitive(noise.eps, k));
  const at::Tensor log_prob = ChosenLogProb(options, heads, actions).squeeze(2);  // [M, B]
  const at::Tensor q = OverCritics(options, critic(actions.action)).squeeze(2);   // [M, B]
  const at::Tensor log_w = SelectPrimitive(heads.LogRouterWeights(), k).squeeze(2);
  PolicyLossTerms terms;
  at::Tensor baseline = at::zeros_like(q);
  if (options.reinforce_baseline == Baseline::kExpected) {
    std::tie(baseline, terms.best) = ExpectedCost(options, heads, noise.eps, alpha, critic);
  } else {
    terms.best = BestPrimitive(options, heads, noise.eps, alpha, critic);
  }
  terms.primitive = ReinforceLoss(alpha * log_prob - q, log_w, baseline);
  terms.log_prob = log_prob.detach();
  terms.q = q.detach();
  return terms;
}

}  // namespace

PolicyLossTerms PolicyLoss(const SacOptions& options, const MixtureHeads& heads,
                           const PolicyNoise& noise, const at::Tensor& alpha,
                           CriticFunction critic) {
  switch (options.estimator) {
    case Estimator::kMarginal:
      return MarginalTerms(options, heads, noise.eps, alpha, critic);
    case Estimator::kGumbel:
      return GumbelTerms(options, heads, noise, alpha, critic);
    case Estimator::kReinforce:
      return ReinforceTerms(options, heads, noise, alpha, critic);
    case Estimator::kFrequency:
      break;
  }
  return FrequencyTerms(options, heads, noise.eps, alpha, critic);
}

at::Tensor OverCritics(const SacOptions& options, const at::Tensor& q) {
  return options.quantiles > 0 ? q.mean(1) : MinOverCritics(q);
}

at::Tensor MinOverCritics(const at::Tensor& q) {
  return q.size(1) == 1 ? q.select(1, 0) : at::minimum(q.select(1, 0), q.select(1, 1));
}

at::Tensor DrawPrimitive(const at::Tensor& w, const at::Tensor& uniform) {
  // The last cumulated weight may round below the uniform: the clamp keeps the index valid.
  return (w.cumsum(2) <= uniform.unsqueeze(2)).sum(2).clamp_max(w.size(2) - 1);
}

at::Tensor ChosenLogProb(const SacOptions& options, const MixtureHeads& heads,
                         const PrimitiveActions& chosen) {
  if (options.entropy == EntropyOf::kMixture) {
    return MixtureLogProb(chosen.pre_tanh, heads.mean, heads.log_std, heads.LogRouterWeights());
  }
  return chosen.log_prob;
}

}  // namespace pmoe
