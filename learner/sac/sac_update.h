// One update of the SAC family on LibTorch: critics, policy and router, temperature, targets, in
// this order (algorithm 1; docs/algorithms/pmoe_sac.md names the function of each equation).
// Deterministic: all randomness comes in as SacNoise. Thread-compatible. M members, C critics, B
// batch, K primitives, O obs_dim, A action_dim.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ATen/TensorOperators.h"
#include "ATen/core/Tensor.h"
#include "learner/nets/critic_net.h"
#include "learner/nets/flat_parameters.h"
#include "learner/nets/optimizer.h"
#include "learner/nets/policy_net.h"
#include "learner/sac/policy_loss.h"
#include "learner/sac/sac_options.h"
#include "run/phase_clock.h"

namespace pmoe {

struct SacBatch {
  at::Tensor obs;       // [M, B, O]
  at::Tensor action;    // [M, B, A], normalised
  at::Tensor reward;    // [M, B]
  at::Tensor discount;  // [M, B], gamma^n, 0 after termination
  at::Tensor next_obs;  // [M, B, O]
};

struct SacNoise {
  at::Tensor next_eps;        // [M, B, S, A] standard normal, for the critic target
  at::Tensor next_primitive;  // [M, B] uniform in [0, 1), for k' ~ Cat(w(s'))
  PolicyNoise policy;         // for the policy loss
};

class SacUpdate {
 public:
  SacUpdate(const SacOptions& options, const PolicySpec& policy, const at::Device& device);

  // Returns the update's statistics in the order of StatNames(), member means, one flat tensor.
  at::Tensor Step(const SacBatch& batch, const SacNoise& noise);
  const std::vector<std::string>& StatNames() const { return stat_names_; }
  // The first of them are losses, which must be finite.
  static constexpr int kLossStats = 3;

  FlatParameters& actor() { return actor_; }
  FlatParameters& critics() { return critics_; }
  FlatParameters& targets() { return targets_; }
  const FlatParameters& actor() const { return actor_; }
  const PolicyNet& policy_net() const { return policy_net_; }
  const PhaseClock& phases() const { return phases_; }
  at::Tensor Alpha() const;  // [M, 1]

  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  at::Tensor TargetValues(const SacBatch& batch, const SacNoise& noise) const;  // y, [M, B]
  at::Tensor StepCritics(const SacBatch& batch, const at::Tensor& y);           // loss [M]
  void StepAlpha(const at::Tensor& log_prob);
  void MoveTargets();

  SacOptions options_;
  PolicyNet policy_net_;
  CriticNet critic_net_;
  FlatParameters actor_;
  FlatParameters critics_;
  FlatParameters targets_;                      // of the critics
  std::optional<FlatParameters> actor_target_;  // only with options.target_policy
  Optimizer actor_optimizer_;
  Optimizer critic_optimizer_;
  at::Tensor log_alpha_;  // [M]
  at::Tensor log_alpha_gradient_;
  Optimizer alpha_optimizer_;
  double log_action_scale_ =
      0.0;  // sum_j log((high_j - low_j) / 2), 0 for normalised log-probabilities
  std::vector<std::string> stat_names_;
  PhaseClock phases_;
};

}  // namespace pmoe
