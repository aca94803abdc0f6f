// What a policy's heads, its primitives and the algorithm can do together.
#pragma once

#include "absl/status/status.h"
#include "proto/config.pb.h"

namespace pmoe {

// InvalidArgument that names the setting, its value and the fix. Part of ValidateConfig, after each
// field's own rule.
absl::Status CheckPolicy(const RunConfig& config);

}  // namespace pmoe
