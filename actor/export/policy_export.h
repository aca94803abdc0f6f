// A policy as a file for programs that know nothing of this project. docs/export.md.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "actor/env/env.h"
#include "actor/export/exported_policy.h"

namespace pmoe {

// InvalidArgumentError with the list, unless `path` ends in .onnx, .h or .npz.
absl::Status CheckExportPath(const std::string& path);

// What leaves: `env`, which it may step, gives the facts and the golden trajectory. Null: it is not
// to be had; the golden observations are drawn then.
absl::StatusOr<ExportedPolicy> CollectPolicy(std::shared_ptr<const PolicySnapshot> snapshot,
                                             const std::string& env_id, Env* env);

// Writes the edition that the ending names, whole or not at all: on an error an older file stays as
// it was. InvalidArgumentError: the ending, or bounds that a float32 edition cannot hold.
// ResourceExhaustedError: the disk is full. FailedPreconditionError: the folder cannot be written.
absl::Status ExportPolicy(const ExportedPolicy& policy, const std::string& path);

}  // namespace pmoe
