// The policy loss of the SAC family, apart from the networks: it takes the heads' output and any
// differentiable Q, so that tests can hold it against closed forms. M members, C critics, B batch,
// K primitives, S actions per state, A action_dim.
#pragma once

#include "ATen/TensorOperators.h"
#include "ATen/core/Tensor.h"
#include "absl/functional/function_ref.h"
#include "learner/nets/policy_net.h"
#include "learner/sac/sac_options.h"

namespace pmoe {

// action [M, B, S, A] -> Q [M, C, B, S]
using CriticFunction = absl::FunctionRef<at::Tensor(const at::Tensor& action)>;

// What the loss draws from. S Gaussians to act with: K, or 1 where gating or MCP make one.
struct PolicyNoise {
  at::Tensor eps;             // [M, B, S, A] standard normal
  at::Tensor primitive = {};  // [M, B] uniform in [0, 1): kReinforce
  at::Tensor gumbel = {};     // [M, B, K]: kGumbel
  double gumbel_tau = 1.0;
};

struct PolicyLossTerms {
  at::Tensor primitive;  // L_pri, or the whole loss of the other estimators, [M]
  at::Tensor frequency;  // L_freq, [M]; undefined where the router has no loss of its own
  at::Tensor best;       // index of the best primitive, [M, B]
  // Of the action that the estimator holds on to, [M, B], detached: the best primitive's, the drawn
  // one's, or the router's expectation.
  at::Tensor log_prob;
  at::Tensor q;
};

// alpha: [M, 1].
PolicyLossTerms PolicyLoss(const SacOptions& options, const MixtureHeads& heads,
                           const PolicyNoise& noise, const at::Tensor& alpha,
                           CriticFunction critic);

// What an action is worth to the policy: clipped double Q, or the mean of critics with quantiles.
// [M, C, B, S] -> [M, B, S]
at::Tensor OverCritics(const SacOptions& options, const at::Tensor& q);

// Clipped double Q: [M, C, B, S] -> [M, B, S].
at::Tensor MinOverCritics(const at::Tensor& q);

// k ~ Cat(w) by inversion. w: [M, B, K], uniform: [M, B] in [0, 1) -> [M, B]
at::Tensor DrawPrimitive(const at::Tensor& w, const at::Tensor& uniform);

// log-probability of the chosen actions under options.entropy, in normalised or environment units.
// chosen: actions of S primitives, heads: all K. -> [M, B, S]
at::Tensor ChosenLogProb(const SacOptions& options, const MixtureHeads& heads,
                         const PrimitiveActions& chosen);

}  // namespace pmoe
