// What a policy's heads, its primitives and the algorithm can do together.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proto/config.pb.h"

namespace pmoe {

// InvalidArgument that names the setting, its value and the fix. Part of ValidateConfig, after each
// field's own rule.
absl::Status CheckPolicy(const RunConfig& config);

// Settings of PMOE-PPO's Q-network that somebody gave where there is none, a sentence each. Part of
// ConfigWarnings.
std::vector<std::string> QnetWarnings(const RunConfig& config);

}  // namespace pmoe
