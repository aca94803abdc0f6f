// What the settings of the critics ask of each other.
#pragma once

#include "absl/status/status.h"
#include "proto/config.pb.h"

namespace pmoe {

// InvalidArgumentError: critics with quantiles or layer norms that cannot be, or settings of theirs
// without them.
absl::Status CheckCritics(const LearnerConfig& learner);

}  // namespace pmoe
