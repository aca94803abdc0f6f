// The policy loss of SAC and PMOE-SAC, apart from the networks: it takes the heads' output and any
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

struct PolicyLossTerms {
  at::Tensor primitive;  // L_pri, [M]
  at::Tensor frequency;  // L_freq, [M]; undefined without a router or with router_loss = none
  at::Tensor best;       // index of the best primitive, [M, B]
  at::Tensor log_prob;   // of the best primitive's action, [M, B], detached
  at::Tensor q;          // Q of the best primitive's action, [M, B], detached
};

// eps: [M, B, K, A]; alpha: [M, 1].
PolicyLossTerms PolicyLoss(const SacOptions& options, const MixtureHeads& heads,
                           const at::Tensor& eps, const at::Tensor& alpha, CriticFunction critic);

// Clipped double Q: [M, C, B, S] -> [M, B, S].
at::Tensor MinOverCritics(const at::Tensor& q);

// k ~ Cat(w) by inversion. w: [M, B, K], uniform: [M, B] in [0, 1) -> [M, B]
at::Tensor DrawPrimitive(const at::Tensor& w, const at::Tensor& uniform);

// log-probability of the chosen actions under options.entropy, in normalised or environment units.
// chosen: actions of S primitives, heads: all K. -> [M, B, S]
at::Tensor ChosenLogProb(const SacOptions& options, const MixtureHeads& heads,
                         const PrimitiveActions& chosen);

}  // namespace pmoe
