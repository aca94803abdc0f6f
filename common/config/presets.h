// Named groups of settings that sit between the schema's defaults and the user's file.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/config/algorithms.h"
#include "proto/config.pb.h"

namespace pmoe {

// Only what the preset changes for that algorithm. InvalidArgument for an unknown name, with near
// names.
absl::StatusOr<RunConfig> PresetConfig(absl::string_view preset, const Algorithm& algorithm);

}  // namespace pmoe
