// Finds what a task file's Slice names inside mjData. Pure functions.
#pragma once

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "mujoco/mujoco.h"
#include "proto/task.pb.h"

namespace pmoe {

// The numbers themselves: they stay there for as long as `data` lives. InvalidArgumentError,
// without the place in the file: no array, no such name (near ones are listed), a range that does
// not fit.
absl::StatusOr<absl::Span<const double>> FindSlice(const Slice& slice, const mjModel& model,
                                                   const mjData& data);

// Whether the array is only filled by mj_rnePostConstraint.
inline bool NeedsPostConstraint(SimulatorArray array) { return array == CFRC_EXT; }

}  // namespace pmoe
