// The policy of any PolicySpec in LibTorch: layers and heads.
// M members, B batch, O obs_dim, A action_dim, K primitives.
#pragma once

#include "ATen/TensorOperators.h"
#include "ATen/core/Tensor.h"
#include "common/policy/policy_spec.h"
#include "learner/nets/flat_parameters.h"

namespace pmoe {

// What the heads say of a batch of observations. S Gaussians to act with: K, or 1 where gating or
// MCP make one of the K.
struct MixtureHeads {
  at::Tensor mean;                // [M, B, S, A], before tanh
  at::Tensor log_std;             // [M, B, S, A], clamped to [-20, 2]
  at::Tensor router_logits = {};  // [M, B, S]; undefined without a router to draw from
  at::Tensor gate = {};           // [M, B, K] weights that made one Gaussian of K; else undefined
  at::Tensor gated_mean = {};     // [M, B, K, A] the K that were made one; else undefined
  at::Tensor gated_log_std = {};  // [M, B, K, A]
  at::Tensor beta = {};           // [M, B, K] probability that an option ends; else undefined
  at::Tensor trunk = {};          // [M, B, H] the trunk's output; the observation without a trunk

  // [M, B, S], rows sum to 1; ones without a router.
  at::Tensor RouterWeights() const;
  at::Tensor LogRouterWeights() const;
};

// Reparameterised draws of every primitive, and what the density needs of them.
struct PrimitiveActions {
  at::Tensor pre_tanh;  // u = mean + std * eps, [M, B, S, A]
  at::Tensor action;    // tanh(u), [M, B, S, A]
  at::Tensor log_prob;  // log pi_k(a_k) of each primitive's own action, [M, B, S]
};

class PolicyNet {
 public:
  PolicyNet(const PolicySpec& spec, bool router_detached)
      : spec_(spec), router_detached_(router_detached) {}

  // obs: [M, B, O]. With `train` gradients reach the parameters.
  MixtureHeads Forward(const FlatParameters& parameters, const at::Tensor& obs, bool train) const;
  const PolicySpec& spec() const { return spec_; }

 private:
  PolicySpec spec_;
  bool router_detached_;
};

// eps: [M, B, S, A] standard normal.
PrimitiveActions SamplePrimitives(const MixtureHeads& heads, const at::Tensor& eps);

// One primitive per row: x [M, B, K, …], index [M, B] -> [M, B, 1, …].
at::Tensor SelectPrimitive(const at::Tensor& x, const at::Tensor& index);

}  // namespace pmoe
