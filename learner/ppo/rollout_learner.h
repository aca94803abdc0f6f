// Learner over a RolloutUpdate (PPO, DAC): prepares rollouts as tensors, owns the normaliser, draws
// the order of rows, keeps statistics, makes snapshots. Thread-compatible.
#pragma once

#include <memory>

#include "common/base/rng.h"
#include "learner/ppo/ppo_options.h"
#include "learner/ppo/rollout_normalizer.h"
#include "learner/ppo/rollout_update.h"
#include "learner/stat_sums.h"
#include "run/learner.h"

namespace pmoe {

class RolloutLearner : public Learner {
 public:
  RolloutLearner(const PpoOptions& options, const PolicySpec& policy, const at::Device& device,
                 std::unique_ptr<RolloutUpdate> update);

  absl::Status Update(const Experience& experience) override;
  uint64_t updates() const override { return updates_; }
  std::shared_ptr<const PolicySnapshot> Snapshot(uint64_t version,
                                                 uint64_t env_steps) const override;
  LearnerStats DrainStats() override;
  void SaveState(ContainerWriter* out) const override;
  absl::Status LoadState(const ContainerReader& in) override;

  const PhaseClock* phases() const override { return update_->phases(); }

  // Points into the rollout and into buffers of the learner, until the next call.
  // DataLossError: not this policy's shape, or a number that no actor of ours makes.
  absl::Status CheckRollout(const Rollout& rollout) const;
  PreparedRollout Prepare(const Rollout& rollout);
  RolloutUpdate& update() { return *update_; }

 private:
  PpoOptions options_;
  PolicySpec policy_;
  at::Device device_;
  std::unique_ptr<RolloutUpdate> update_;
  RolloutNormalizer normalizer_;
  std::vector<float> obs_, bootstrap_obs_;  // normalised
  Rng shuffle_rng_;
  Rng noise_rng_;
  uint64_t updates_ = 0;
  uint64_t rollouts_ = 0;
  int64_t dropped_ = 0;
  StatSums stats_;
};

}  // namespace pmoe
