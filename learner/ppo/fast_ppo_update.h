// PPO and PMOE-PPO on a rollout by FastPpoStep, on the rollout's own memory: the edition that runs
// on a CPU. PpoUpdate is the same by autograd. Thread-compatible. N rows, S segments.
#pragma once

#include <string>
#include <vector>

#include "learner/ppo/fast_ppo_step.h"
#include "learner/ppo/ppo_state.h"
#include "learner/ppo/rollout_update.h"

namespace pmoe {

// Whether this edition can do it: not on a GPU, not by momentum, and options are DAC's.
bool FastPpoApplies(const PpoOptions& options, const PolicySpec& policy);

class FastPpoUpdate : public RolloutUpdate {
 public:
  FastPpoUpdate(const PpoOptions& options, const PolicySpec& policy);

  LearnedRollout Learn(const PreparedRollout& rollout, double progress,
                       const RolloutRngs& rngs) override;
  const std::vector<std::string>& StatNames() const override { return stat_names_; }
  const FlatParameters& policy() const override { return state_.nets().policy(); }
  const PhaseClock* phases() const override { return &phases_; }
  void SaveState(ByteWriter* out) const override { state_.SaveState(out); }
  absl::Status LoadState(ByteReader* in) override;

  PpoState& state() { return state_; }
  FastPpoStep<float>& step() { return step_; }

 private:
  // Reads the rollout's columns, and fills what the weights before the first step say of them.
  PpoRows<float> ReadRollout(const PreparedRollout& rollout);
  // Advantages and returns by the value net as it is.
  void SetTargets(const PreparedRollout& rollout);
  double ExplainedVariance() const;

  const PpoOptions options_;
  const PolicySpec policy_;
  PpoState state_;
  FastPpoStep<float> step_;
  std::vector<int> component_;  // [N]
  std::vector<float> old_log_prob_, old_value_, advantage_, returns_;
  std::vector<float> reward_returns_;      // [N] in the rewards' unit
  std::vector<float> values_, bootstrap_;  // [N], [S] in the rewards' unit
  std::vector<std::string> stat_names_;
  PhaseClock phases_;
};

}  // namespace pmoe
