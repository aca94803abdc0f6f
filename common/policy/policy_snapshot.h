// One version of a policy's weights: what the learner publishes and actors load. Immutable once
// made; shared as std::shared_ptr<const PolicySnapshot>.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/policy/policy_spec.h"

namespace pmoe {

inline constexpr float kObsClip = 10.0f;  // of normalised observations, in standard deviations

struct PolicySnapshot {
  PolicySpec spec;
  uint64_t version = 0;        // grows by one per published snapshot; 0 is never published
  uint64_t env_steps = 0;      // of the run when it was made
  std::vector<float> weights;  // ParameterLayout(spec.layers, 1, 1)
  // With spec.normalizes_obs the policy sees clip((obs - mean) / std, -kObsClip, kObsClip); else
  // empty.
  std::vector<float> obs_mean;  // [O]
  std::vector<float> obs_std;   // [O], > 0

  // A `.pmoe` container of kind kSnapshot.
  std::string Encode() const;
  // Refuses other kinds, sizes that differ from the spec's layout and numbers that are not finite.
  static absl::StatusOr<PolicySnapshot> Decode(std::string bytes);
};

}  // namespace pmoe
