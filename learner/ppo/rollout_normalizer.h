// What a learner on rollouts knows of the scale of observations, rewards and returns. Statistics
// are frozen for acting with a version and for learning from its rollout, and advance after it:
// actors and learner then see the same numbers. Thread-compatible. N rows, S segments, O obs_dim.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "common/policy/policy_snapshot.h"
#include "learner/ppo/ppo_options.h"
#include "learner/ppo/running_moments.h"
#include "replay/core/rollout.h"

namespace pmoe {

class RolloutNormalizer {
 public:
  RolloutNormalizer(const PpoOptions& options, const PolicySpec& policy);

  // What the policy sees of raw observations, [rows, O], as PolicyNetwork does it.
  std::vector<float> Observations(const std::vector<float>& raw) const;
  // Likewise, into a vector that keeps its memory; of a policy that normalises.
  void Normalize(const std::vector<float>& raw, std::vector<float>* seen) const;
  // Rewards to learn from, [N]: kDiscountedStd scales and clips them.
  std::vector<float> Rewards(const Rollout& rollout) const;
  // Values are predicted in this unit: kReturnStd's running std, else 1.
  double value_unit() const;

  // After a rollout is learned. returns: [N] in reward units.
  void Advance(const Rollout& rollout, absl::Span<const float> returns);
  void FillSnapshot(PolicySnapshot* snapshot) const;

  void SaveState(ByteWriter* out) const;
  void LoadState(ByteReader* in);

 private:
  void AdvanceDiscounted(const Rollout& rollout);

  const bool normalizes_obs_;
  const RewardNorm reward_norm_;
  const double gamma_;
  RunningMoments obs_;
  RunningMoments returns_;
  std::map<std::pair<uint32_t, uint32_t>, double> discounted_;  // by (actor, env), so far
};

}  // namespace pmoe
