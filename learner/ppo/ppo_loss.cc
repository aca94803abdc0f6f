#include "learner/ppo/ppo_loss.h"

#include <cmath>
#include <numbers>

#include "ATen/TensorOperators.h"
#include "ATen/ops/logsumexp.h"
#include "ATen/ops/max.h"
#include "ATen/ops/maximum.h"
#include "ATen/ops/minimum.h"
#include "ATen/ops/one_hot.h"
#include "ATen/ops/softmax.h"
#include "ATen/ops/where.h"
#include "learner/losses.h"

namespace pmoe {
namespace {

constexpr double kUniformMin = 0x1p-25;
// Beyond it a component's density is so much larger than the acting one's that its exact size says
// nothing.
constexpr double kLogRatioMax = 20.0;

at::Tensor At(const at::Tensor& x, const at::Tensor& index) {
  return x.gather(2, index.unsqueeze(2)).squeeze(2);
}

// log sum_k y_k N_k for weights y that may be 0.
at::Tensor WeightedLogProb(const at::Tensor& log_n, const at::Tensor& y,
                           const at::Tensor& component) {
  const at::Tensor shift = log_n.gather(2, component.unsqueeze(2));
  const at::Tensor relative = (log_n - shift.detach()).clamp_max(kLogRatioMax).exp();
  return (y * relative).sum(2).log() + shift.detach().squeeze(2);
}

}  // namespace

at::Tensor ComponentLogProbs(const MixtureHeads& heads, const at::Tensor& action) {
  const at::Tensor eps = (action.unsqueeze(2) - heads.mean) * (-heads.log_std).exp();
  return GaussianLogProb(eps, heads.log_std);
}

at::Tensor RatioLogProb(RatioOf ratio, const MixtureHeads& heads, const at::Tensor& log_n,
                        const at::Tensor& component, const at::Tensor& y) {
  if (!heads.router_logits.defined()) return log_n.squeeze(2);
  switch (ratio) {
    case RatioOf::kComponent:
      return At(log_n, component);
    case RatioOf::kJoint:
      return At(heads.LogRouterWeights() + log_n, component);
    case RatioOf::kGumbel:
      return WeightedLogProb(log_n, y, component);
    case RatioOf::kDensity:
      break;
  }
  return at::logsumexp(heads.LogRouterWeights() + log_n, {2});
}

at::Tensor PosteriorGumbelWeights(const at::Tensor& logits, const at::Tensor& component,
                                  const at::Tensor& uniform, double tau, bool hard) {
  const at::Tensor log_w = logits.log_softmax(-1);
  const at::Tensor exponential = -uniform.clamp_min(kUniformMin).log();  // Exp(1), [M, B, K]
  // The largest of all is -log E_k whatever w is, since the w sum to 1; the others lie below it.
  const at::Tensor largest = exponential.gather(2, component.unsqueeze(2));
  const at::Tensor others = exponential * (-log_w.detach()).exp() + largest;
  const at::Tensor acted = at::one_hot(component, logits.size(2)).to(at::kBool);
  const at::Tensor perturbed = -at::where(acted, largest, others).log();
  const at::Tensor soft = GumbelWeights(log_w, perturbed - log_w.detach(), tau, /*hard=*/false);
  return hard ? acted.to(soft.dtype()) + (soft - soft.detach()) : soft;
}

at::Tensor ClippedSurrogate(const at::Tensor& log_prob, const at::Tensor& old,
                            const at::Tensor& advantage, double clip) {
  const at::Tensor ratio = (log_prob - old).exp();
  return -at::minimum(ratio * advantage, ratio.clamp(1.0 - clip, 1.0 + clip) * advantage).mean(1);
}

at::Tensor ValueLoss(const at::Tensor& value, const at::Tensor& old, const at::Tensor& returns,
                     double clip) {
  const at::Tensor error = (value - returns).square();
  if (clip <= 0.0) return error.mean(1) * 0.5;
  const at::Tensor moved = old + (value - old).clamp(-clip, clip);
  return at::maximum(error, (moved - returns).square()).mean(1) * 0.5;
}

at::Tensor PolicyEntropy(const MixtureHeads& heads) {
  const double per_dim = 0.5 + 0.5 * std::log(2.0 * std::numbers::pi);
  const at::Tensor gaussian =
      heads.log_std.sum(3) + per_dim * static_cast<double>(heads.log_std.size(3));  // [M, B, S]
  const at::Tensor w = heads.RouterWeights();
  return ((gaussian - heads.LogRouterWeights()) * w).sum(2).mean(1);
}

at::Tensor OptionProbabilities(const MixtureHeads& heads, const at::Tensor& before,
                               const at::Tensor& start, bool compat) {
  const at::Tensor w = heads.RouterWeights();
  const at::Tensor stays = at::one_hot(before, w.size(2)).to(w.dtype());
  const at::Tensor ends =
      compat ? heads.beta : heads.beta.gather(2, before.unsqueeze(2));  // [M, B, K or 1]
  const at::Tensor goes_on = (1.0 - ends) * stays + ends * w;
  return at::where(start.unsqueeze(2).to(at::kBool), w, goes_on);
}

}  // namespace pmoe
