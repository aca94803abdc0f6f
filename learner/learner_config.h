// From RunConfig to a learner. Knows protobuf, hence not Torch.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/policy/policy_spec.h"
#include "learner/ppo/ppo_options.h"
#include "learner/sac/sac_options.h"
#include "proto/config.pb.h"
#include "run/learner.h"

namespace pmoe {

// `config` is resolved: every field is set that has a default.
SacOptions SacOptionsFromConfig(const RunConfig& config, int action_dim);
PpoOptions PpoOptionsFromConfig(const RunConfig& config);
PolicySpec PolicySpecFromConfig(const RunConfig& config, int obs_dim,
                                const std::vector<double>& action_low,
                                const std::vector<double>& action_high);

// What a user should know of that policy before it trains, a line each: actions whose bounds a
// clipped policy, which starts around 0, hardly reaches.
std::vector<std::string> PolicyWarnings(const PolicySpec& policy);

// The algorithm's learner of that policy. Says its PolicyWarnings to the log.
absl::StatusOr<std::unique_ptr<Learner>> MakeLearner(const RunConfig& config,
                                                     const PolicySpec& policy);

}  // namespace pmoe
