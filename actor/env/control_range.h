// The bounds of a model's controls, which are the actions' bounds where a task says nothing else.
// Pure functions.
#pragma once

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/env.h"
#include "mujoco/mujoco.h"

namespace pmoe {

struct ControlRange {
  double low;
  double high;
};

// low < high, and a finite range of float32 numbers.
bool IsBounded(double low, double high);

// The actuator's ctrlrange. InvalidArgumentError that names the actuator, without the file, where
// it has none or one without end.
absl::StatusOr<ControlRange> ModelControlRange(const mjModel& model, int actuator);

// Fills the action's size and bounds, rounded to float32 as Gymnasium's action space has them.
// InvalidArgumentError: no actuator at all, or bounds beyond float32.
absl::Status SetActionBounds(absl::Span<const ControlRange> ranges, EnvSpec* spec);

}  // namespace pmoe
