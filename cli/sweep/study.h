// `pmoe sweep FILE --study`: settings that Optuna chooses within the file's ranges. The file is
// checked here; study.py asks, trains and tells.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/sweep.pb.h"

namespace pmoe {

// Checks the file, each combination of its ranges' ends included, and becomes Python. Returns only
// on an error, which names the file and the field, or what Python lacks.
absl::Status RunStudy(const std::string& file, int jobs);

// What study.py is told: one line of JSON. InvalidArgumentError names the field and the fix.
absl::StatusOr<std::string> StudyPlan(const SweepFile& sweep, const std::string& file, int jobs);

}  // namespace pmoe
