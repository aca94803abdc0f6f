// A policy as a NumPy archive, for programs that know nothing of this project.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/policy/policy_snapshot.h"

namespace pmoe {

// Writes `path` (.npz, uncompressed): per layer NAME.weight [inputs, outputs] and NAME.bias
// [outputs] as float32, and `spec`, the JSON text of everything else that is needed to act: layers
// in order with their inputs and activations, head, sizes, action bounds, versions.
// experiments/pmoe_policy.py reads it. NotFoundError: cannot be written.
absl::Status ExportPolicy(const PolicySnapshot& snapshot, const std::string& path);

}  // namespace pmoe
