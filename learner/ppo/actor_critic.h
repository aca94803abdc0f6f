// What PPO and DAC have in common under their losses: the parameters of policy and value, one
// clipped step for both, targets from a rollout. Thread-compatible. M members (1), B batch, N rows,
// S segments, O obs_dim, V values per state.
#pragma once

#include <vector>

#include "ATen/core/Tensor.h"
#include "learner/nets/optimizer.h"
#include "learner/nets/policy_net.h"
#include "learner/ppo/ppo_options.h"
#include "learner/ppo/rollout_update.h"

namespace pmoe {

class ActorCritic {
 public:
  // values: V, 1, or one per option.
  ActorCritic(const PpoOptions& options, const PolicySpec& policy, int values,
              const at::Device& device, at::ScalarType type = at::kFloat);

  // obs: [M, B, O]. With `train` gradients reach the parameters.
  MixtureHeads Heads(const at::Tensor& obs, bool train) const {
    return net_.Forward(policy_, obs, train);
  }
  // [M, B, V]; a value that lies on the policy's trunk reads the heads'.
  at::Tensor Values(const MixtureHeads& heads, const at::Tensor& obs, bool train) const;
  // Clips the gradients of both together and steps. Returns their norm before, [1].
  at::Tensor Step(double lr_factor);

  const PolicyNet& net() const { return net_; }
  FlatParameters& policy() { return policy_; }
  const FlatParameters& policy() const { return policy_; }
  FlatParameters& value() { return value_; }
  const std::vector<DenseLayer>& value_layers() const { return value_layers_; }
  Optimizer& policy_optimizer() { return policy_optimizer_; }
  Optimizer& value_optimizer() { return value_optimizer_; }
  bool value_reads_trunk() const { return options_.value_net == ValueNet::kTrunk; }

  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  PpoOptions options_;
  PolicyNet net_;
  std::vector<DenseLayer> value_layers_;
  FlatParameters policy_;
  FlatParameters value_;
  Optimizer policy_optimizer_;
  Optimizer value_optimizer_;
};

struct RolloutTargets {
  at::Tensor advantage;               // [M, N]
  at::Tensor returns;                 // [M, N] in the unit of predicted values
  std::vector<float> reward_returns;  // [N] in the rewards' unit
};

// Generalised advantages; with `standardize` over the rollout. value: [M, N], bootstrap: [M, S],
// both as predicted.
RolloutTargets TargetsOf(const PpoOptions& options, const PreparedRollout& rollout,
                         const at::Tensor& value, const at::Tensor& bootstrap, bool standardize);

// Mean KL from the old policy, by r - 1 - log r, and the share of rows beyond the clip range: [2M].
// log_prob, old: [M, B]
at::Tensor RatioStats(const at::Tensor& log_prob, const at::Tensor& old, double clip);

// The numbers of x, row-major, on the host.
std::vector<float> ToFloats(const at::Tensor& x);

}  // namespace pmoe
