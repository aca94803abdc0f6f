// A policy as a NumPy archive.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "actor/export/exported_policy.h"

namespace pmoe {

// The bytes of an uncompressed .npz, the same for the same policy: per layer NAME.weight [inputs of
// a block, outputs] and NAME.bias [outputs] as float32; obs_mean and obs_std [O] where the policy
// normalises; golden_observation [T, O], golden_action [T, A] (float32) and golden_primitive [T]
// (int64); `spec`, the JSON text of Describe. InternalError: libzip fails.
absl::StatusOr<std::string> NpzEdition(const ExportedPolicy& policy);

}  // namespace pmoe
