// Replays a table of actions in one environment and prints everything that comes out, in a notation
// that keeps every bit: so any environment can be held against any other program.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "actor/env/env.h"

namespace pmoe {

// CSV text: one row of `action_dim` numbers per step, decimal or hexadecimal ("0x1.8p-1"). Returns
// them row by row. InvalidArgumentError names `file`, the line and the field: a wrong number of
// fields, or one that is no finite number.
absl::StatusOr<std::vector<double>> ParseActions(const std::string& text, int action_dim,
                                                 const std::string& file);

// Header and rows "step,reset,reward,terminated,truncated,obs_0,…", each given to `print` with its
// newline; numbers in the shortest notation that reads back to the same double. Row 0 is what
// Reset(seed) observes: reset 1, no reward. `step` counts the actions so far; after the end of an
// episode comes the row of a reset without a seed.
// Ends with the environment's own error, if it has one.
absl::Status TraceEnv(Env* env, uint64_t seed, absl::Span<const double> actions,
                      const std::function<void(absl::string_view)>& print);

}  // namespace pmoe
