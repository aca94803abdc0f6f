// PPO (Schulman et al. 2017, arXiv 1707.06347) on a rollout, and PMOE-PPO with its Q-network on the
// returns, by autograd: the oracle of FastPpoUpdate, and how a new algorithm begins.
// docs/algorithms/ppo.md and pmoe_ppo.md name the function of each equation. M members (1), B
// batch, N rows, K primitives, O obs_dim, A action_dim.
#pragma once

#include <string>
#include <vector>

#include "learner/nets/critic_net.h"
#include "learner/nets/policy_net.h"
#include "learner/ppo/ppo_options.h"
#include "learner/ppo/ppo_state.h"
#include "learner/ppo/rollout_update.h"

namespace pmoe {

// One minibatch, or a whole rollout.
struct PpoBatch {
  at::Tensor obs;        // [M, B, O]
  at::Tensor action;     // [M, B, A]
  at::Tensor component;  // [M, B] that acted; undefined where nothing asks for it
  at::Tensor old_log_prob;
  at::Tensor old_value;  // [M, B]
  at::Tensor advantage;  // [M, B]
  at::Tensor returns;    // [M, B] in the unit of predicted values
};

class PpoUpdate : public RolloutUpdate {
 public:
  // `type`: float, or double for tests, which only call Step.
  PpoUpdate(const PpoOptions& options, const PolicySpec& policy, const at::Device& device,
            at::ScalarType type = at::kFloat);

  LearnedRollout Learn(const PreparedRollout& rollout, double progress,
                       const RolloutRngs& rngs) override;
  const std::vector<std::string>& StatNames() const override { return stat_names_; }
  const FlatParameters& policy() const override { return state_.nets().policy(); }
  const PhaseClock* phases() const override { return &phases_; }
  void SaveState(ByteWriter* out) const override { state_.SaveState(out); }
  absl::Status LoadState(ByteReader* in) override { return state_.LoadState(in); }

  PpoState& state() { return state_; }
  const PolicyNet& policy_net() const { return state_.nets().net(); }
  FlatParameters& policy() { return state_.nets().policy(); }
  FlatParameters& value() { return state_.nets().value(); }

  // The log-probability that the ratio is of, and V, for a whole rollout; without gradient.
  at::Tensor OldLogProb(const PreparedRollout& rollout, const at::Tensor& component) const;
  at::Tensor Values(const at::Tensor& obs) const;  // [M, B, O] -> [M, B]

  // What one minibatch adds to the statistics; the mixture's only in the last epoch.
  struct StepStats {
    at::Tensor losses;   // actor, critic, router, qnet, KL, clip fraction, gradient norm
    at::Tensor mixture;  // entropy, then MixtureStats
  };
  StepStats Step(const PpoBatch& batch, double progress, bool last_epoch, Rng* noise);

 private:
  PpoBatch WholeRollout(const PreparedRollout& rollout) const;
  // Returns the returns in the rewards' unit.
  std::vector<float> SetTargets(const PreparedRollout& rollout, PpoBatch* batch) const;
  at::Tensor LogProb(const MixtureHeads& heads, const PpoBatch& batch, double progress,
                     Rng* noise) const;
  // [M, B, K] of the Q-network; undefined where the advantages rank.
  at::Tensor Scores(const MixtureHeads& heads, const at::Tensor& obs, Rng* noise) const;
  at::Tensor RouterLossTerm(const MixtureHeads& heads, const PpoBatch& batch,
                            const at::Tensor& scores) const;
  at::Tensor StepQnet(const MixtureHeads& heads, const PpoBatch& batch, double lr_factor);
  bool reads_component() const;

  PpoOptions options_;
  PpoState state_;
  CriticNet qnet_net_;
  std::vector<std::string> stat_names_;
  PhaseClock phases_;
};

}  // namespace pmoe
