// One update of the SAC family by LibTorch's autograd: critics, policy and router, temperature,
// targets, in this order (algorithm 1; docs/algorithms/pmoe_sac.md names the function of each
// equation). FastSacStep is tested against it; it runs on a GPU, and is where a new algorithm
// begins. Deterministic: all randomness comes in as SacNoise. Thread-compatible. M members, C
// critics, B batch, K primitives, S next actions, Z quantiles, Y target atoms, O obs_dim, A
// action_dim.
#pragma once

#include "ATen/TensorOperators.h"
#include "ATen/core/Tensor.h"
#include "learner/nets/critic_net.h"
#include "learner/nets/policy_net.h"
#include "learner/sac/policy_loss.h"
#include "learner/sac/sac_nets.h"
#include "learner/sac/sac_options.h"
#include "run/phase_clock.h"

namespace pmoe {

struct SacBatch {
  at::Tensor obs;       // [M, B, O]
  at::Tensor action;    // [M, B, A], normalised
  at::Tensor reward;    // [M, B]
  at::Tensor discount;  // [M, B], gamma^n, 0 after termination
  at::Tensor next_obs;  // [M, B, O]
  at::Tensor weight{};  // [M, B] of each row in the critics' loss; undefined: all 1
};

struct SacNoise {
  at::Tensor next_eps;        // [M, B, S, A] standard normal, for the critic target
  at::Tensor next_primitive;  // [M, B] uniform in [0, 1), for k' ~ Cat(w(s'))
  PolicyNoise policy;         // for the policy loss
};

class SacUpdate {
 public:
  // `type`: float, or double for tests.
  SacUpdate(const SacOptions& options, const PolicySpec& policy, const at::Device& device,
            at::ScalarType type = at::kFloat);

  // Returns the update's statistics in the order of SacStatNames, member means, one flat tensor.
  at::Tensor Step(const SacBatch& batch, const SacNoise& noise);

  // Of the last step's rows, if they had weights: |q - y|, the mean over the critics, [M, B].
  const at::Tensor& row_errors() const { return row_errors_; }

  SacNets& nets() { return nets_; }
  const SacNets& nets() const { return nets_; }
  FlatParameters& actor() { return nets_.actor; }
  FlatParameters& critics() { return nets_.critics; }
  FlatParameters& targets() { return nets_.targets; }
  const FlatParameters& actor() const { return nets_.actor; }
  const PolicyNet& policy_net() const { return policy_net_; }
  const PhaseClock& phases() const { return phases_; }
  at::Tensor Alpha() const;  // [M, 1]

 private:
  // What the critics are to learn: one number a row, or the atoms of a distribution.
  struct Target {
    at::Tensor y;       // [M, B], the mean of the atoms
    at::Tensor atoms;   // [M, B, Y]; undefined without quantiles, as its weights are
    at::Tensor weight;  // [M, B, Y], rows sum to 1
  };
  Target Targets(const SacBatch& batch, const SacNoise& noise) const;
  at::Tensor StepCritics(const SacBatch& batch, const Target& target);  // loss [M]
  void StepAlpha(const at::Tensor& log_prob);
  void MoveTargets();

  SacOptions options_;
  PolicyNet policy_net_;
  SacNets nets_;
  CriticNet critic_net_;
  double log_action_scale_;
  at::Tensor row_errors_;
  PhaseClock phases_;
};

}  // namespace pmoe
