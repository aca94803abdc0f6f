// Double actor-critic (Zhang & Whiteson 2019, arXiv 1904.12691) on a rollout: options as two
// augmented MDPs, each learned with PPO by the same networks; docs/algorithms/dac.md. The high MDP
// chooses options with pi_hat(o | s, o-), the low one acts with pi_bar(a | s, o) = N_o. M members
// (1), B batch, N rows, K options, O obs_dim, A action_dim.
#pragma once

#include <string>
#include <vector>

#include "learner/nets/optimizer.h"
#include "learner/nets/policy_net.h"
#include "learner/ppo/actor_critic.h"
#include "learner/ppo/ppo_options.h"
#include "learner/ppo/rollout_update.h"

namespace pmoe {

enum class DacMdp { kHigh, kLow };

// Rows of a minibatch or of a whole rollout, with the targets of one of the MDPs.
struct DacBatch {
  at::Tensor obs;     // [M, B, O]
  at::Tensor action;  // [M, B, A]
  at::Tensor option;  // [M, B] that acted
  at::Tensor before;  // [M, B] option of the step before
  at::Tensor start;   // [M, B] 1 at an episode's start
  at::Tensor old_log_prob;
  at::Tensor advantage;
  at::Tensor returns;  // [M, B] in the unit of predicted values
};

class DacUpdate : public RolloutUpdate {
 public:
  DacUpdate(const PpoOptions& options, const PolicySpec& policy, const at::Device& device);

  LearnedRollout Learn(const PreparedRollout& rollout, double progress,
                       const RolloutRngs& rngs) override;
  const std::vector<std::string>& StatNames() const override { return stat_names_; }
  const FlatParameters& policy() const override { return nets_.policy(); }
  void SaveState(ByteWriter* out) const override;
  absl::Status LoadState(ByteReader* in) override;

  // One minibatch of one MDP; statistics: surrogate, value loss, KL, clip fraction, gradient norm.
  at::Tensor Step(DacMdp mdp, const DacBatch& batch, double lr_factor);
  FlatParameters& policy() { return nets_.policy(); }
  FlatParameters& value() { return nets_.value(); }

 private:
  DacBatch WholeRollout(const PreparedRollout& rollout) const;
  // Old log-probabilities, values, advantages and returns of the MDP. Returns in the rewards' unit.
  std::vector<float> SetTargets(DacMdp mdp, const PreparedRollout& rollout, DacBatch* batch) const;
  at::Tensor LogProb(DacMdp mdp, const MixtureHeads& heads, const DacBatch& batch) const;
  at::Tensor Value(DacMdp mdp, const MixtureHeads& heads, const at::Tensor& q,
                   const DacBatch& batch) const;
  at::Tensor BootstrapValues(const PreparedRollout& rollout, const DacBatch& all) const;
  at::Tensor MixtureOf(const DacBatch& all) const;

  PpoOptions options_;
  ActorCritic nets_;  // a value q_o for each option
  at::Device device_;
  std::vector<std::string> stat_names_;
};

}  // namespace pmoe
