// The losses and densities of the PPO family as pure functions. Policies here do not squash:
// actions are the Gaussian's own numbers. M members, B batch, K primitives, A action_dim.
#pragma once

#include "ATen/core/Tensor.h"
#include "learner/nets/policy_net.h"
#include "learner/ppo/ppo_options.h"

namespace pmoe {

// log N_k(a) of every Gaussian. a: [M, B, A]; heads of S Gaussians -> [M, B, S]
at::Tensor ComponentLogProbs(const MixtureHeads& heads, const at::Tensor& action);

// The log-probability that the ratio is of (PpoOptions::ratio), [M, B].
//   log_n: [M, B, S] of ComponentLogProbs; component: [M, B] that acted; y: [M, B, K] of
//   PosteriorGumbelWeights, for kGumbel only.
at::Tensor RatioLogProb(RatioOf ratio, const MixtureHeads& heads, const at::Tensor& log_n,
                        const at::Tensor& component, const at::Tensor& y);

// Gumbel-softmax weights whose noise is drawn from its posterior given that `component` was the
// argmax (Maddison et al. 2014), so that the hard ones are one-hot at the component that acted.
// logits: [M, B, K]; uniform: [M, B, K] in (0, 1) -> [M, B, K]
at::Tensor PosteriorGumbelWeights(const at::Tensor& logits, const at::Tensor& component,
                                  const at::Tensor& uniform, double tau, bool hard);

// -mean_B min(r A, clip(r, 1 - c, 1 + c) A), r = exp(log_prob - old). All [M, B] -> [M]
at::Tensor ClippedSurrogate(const at::Tensor& log_prob, const at::Tensor& old,
                            const at::Tensor& advantage, double clip);

// 0.5 mean_B (V - R)^2; with `clip` > 0 the larger of that and the one of V moved by at most `clip`
// from the old value. value, old, returns: [M, B] -> [M]
at::Tensor ValueLoss(const at::Tensor& value, const at::Tensor& old, const at::Tensor& returns,
                     double clip);

// Entropy of the Gaussian, or of component and action jointly: H(w) + sum_k w_k H(N_k), which is at
// least the mixture's. -> [M]
at::Tensor PolicyEntropy(const MixtureHeads& heads);

// DAC's high policy pi_hat(o | s, o-) = (1 - beta_{o-}) 1[o = o-] + beta_{o-} w_o, at an episode's
// start w_o. `compat`: the published code's, whose row uses each option's own beta and does not sum
// to 1. before: [M, B] index of o-; start: [M, B] 1 at an episode's start -> [M, B, K]
at::Tensor OptionProbabilities(const MixtureHeads& heads, const at::Tensor& before,
                               const at::Tensor& start, bool compat);

}  // namespace pmoe
