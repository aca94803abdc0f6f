#include "learner/losses.h"

#include <cmath>
#include <numbers>
#include <tuple>

#include "ATen/ops/arange.h"
#include "ATen/ops/clamp.h"
#include "ATen/ops/logsumexp.h"
#include "ATen/ops/one_hot.h"
#include "ATen/ops/softmax.h"
#include "ATen/ops/softplus.h"
#include "ATen/ops/sort.h"

namespace pmoe {

at::Tensor GaussianLogProb(const at::Tensor& eps, const at::Tensor& log_std) {
  const double log_sqrt_2pi = 0.5 * std::log(2.0 * std::numbers::pi);
  return (eps.square() * -0.5 - log_std).sum(-1) - log_sqrt_2pi * static_cast<double>(eps.size(-1));
}

at::Tensor SquashLogDet(const at::Tensor& u) {
  const double offset = 2.0 * std::numbers::ln2 * static_cast<double>(u.size(-1));
  return (u + at::softplus(u * -2.0)).sum(-1) * -2.0 + offset;
}

at::Tensor MixtureLogProb(const at::Tensor& u, const at::Tensor& mean, const at::Tensor& log_std,
                          const at::Tensor& log_w) {
  const at::Tensor eps =
      (u.unsqueeze(3) - mean.unsqueeze(2)) * (-log_std.unsqueeze(2)).exp();  // [M, B, S, K, A]
  const at::Tensor joint =
      GaussianLogProb(eps, log_std.unsqueeze(2)) + log_w.unsqueeze(2);  // [M, B, S, K]
  return at::logsumexp(joint, {3}) - SquashLogDet(u);
}

at::Tensor CriticTarget(const at::Tensor& reward, const at::Tensor& discount,
                        const at::Tensor& q_next, const at::Tensor& log_prob,
                        const at::Tensor& alpha) {
  return reward + discount * (q_next - alpha * log_prob);
}

at::Tensor CriticLoss(const at::Tensor& q, const at::Tensor& y) {
  return (q - y.unsqueeze(1)).square().mean(2).sum(1);
}

at::Tensor CriticLoss(const at::Tensor& q, const at::Tensor& y, const at::Tensor& weight) {
  return ((q - y.unsqueeze(1)).square() * weight.unsqueeze(1)).mean(2).sum(1);
}

at::Tensor SmallestAtoms(const at::Tensor& atoms, int64_t keep) {
  const at::Tensor pooled = atoms.permute({0, 2, 3, 1, 4}).flatten(3);  // [M, B, S, C * Z]
  return std::get<0>(pooled.sort(3)).narrow(3, 0, keep);
}

at::Tensor QuantileHuber(const at::Tensor& q, const at::Tensor& y, const at::Tensor& w) {
  const int64_t quantiles = q.size(3);
  const at::Tensor tau = (at::arange(quantiles, q.options()) + 0.5) / quantiles;
  const at::Tensor u = y.unsqueeze(1).unsqueeze(4) - q.unsqueeze(3);  // [M, C, B, Y, Z]
  const at::Tensor clipped = u.clamp(-1.0, 1.0);
  const at::Tensor huber = clipped * (u - clipped * 0.5);
  const at::Tensor share = (tau - u.detach().lt(0).to(q.dtype())).abs();
  return ((share * huber).mean(4) * w.unsqueeze(1)).sum(3);
}

at::Tensor PrimitiveLoss(const at::Tensor& q, const at::Tensor& log_prob, const at::Tensor& weight,
                         const at::Tensor& alpha) {
  return (weight * (alpha.unsqueeze(2) * log_prob - q)).sum(2).mean(1);
}

at::Tensor MarginalLoss(const at::Tensor& w, const at::Tensor& q, const at::Tensor& log_prob,
                        const at::Tensor& alpha) {
  return PrimitiveLoss(q, log_prob, w, alpha);
}

at::Tensor GumbelWeights(const at::Tensor& logits, const at::Tensor& gumbel, double tau,
                         bool hard) {
  const at::Tensor soft = at::softmax((logits + gumbel) / tau, -1);
  if (!hard) return soft;
  const at::Tensor one = at::one_hot(soft.argmax(-1), soft.size(-1)).to(soft.dtype());
  // The difference is exactly 0, so the value is exactly one-hot.
  return one + (soft - soft.detach());
}

at::Tensor ReinforceLoss(const at::Tensor& cost, const at::Tensor& log_w,
                         const at::Tensor& baseline) {
  return (cost + log_w * (cost - baseline).detach()).mean(1);
}

at::Tensor FrequencyLoss(const at::Tensor& w, const at::Tensor& best, bool mean_over_primitives) {
  return FrequencyLossTo(w, at::one_hot(best, w.size(2)).to(w.dtype()), {}, mean_over_primitives);
}

at::Tensor FrequencyLossTo(const at::Tensor& w, const at::Tensor& target,
                           const at::Tensor& row_weight, bool mean_over_primitives) {
  const at::Tensor error = (target - w).square();
  const at::Tensor of_row = mean_over_primitives ? error.mean(2) : error.sum(2);
  return (row_weight.defined() ? of_row * row_weight : of_row).mean(1);
}

at::Tensor RouterCrossEntropy(const at::Tensor& log_w, const at::Tensor& best) {
  return -log_w.gather(2, best.unsqueeze(2)).squeeze(2).mean(1);
}

at::Tensor RouterCrossEntropyTo(const at::Tensor& log_w, const at::Tensor& target,
                                const at::Tensor& row_weight) {
  const at::Tensor of_row = (target * log_w).sum(2);
  return -(row_weight.defined() ? of_row * row_weight : of_row).mean(1);
}

at::Tensor RouterEntropyLack(const at::Tensor& log_w, const at::Tensor& w, double floor) {
  return ((w * log_w).sum(2) + floor).clamp_min(0.0).mean(1);
}

}  // namespace pmoe
