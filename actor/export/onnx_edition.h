// A policy as an ONNX model.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "actor/export/exported_policy.h"

namespace pmoe {

// The bytes of the model, opset 13, in float32; docs/export.md has its inputs and outputs. N, the
// batch, is free. metadata_props hold Describe, the normaliser and the golden trajectory; the last
// one, `crc32`, is the CRC-32 of all bytes before it. InvalidArgumentError: bounds that float32
// cannot hold.
absl::StatusOr<std::string> OnnxEdition(const ExportedPolicy& policy);

}  // namespace pmoe
