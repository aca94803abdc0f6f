// The names of metrics.csv's columns as TensorBoard groups them: what stands before the slash is a
// card of its own. Pure function.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace pmoe {

// "eval/return" of eval_return_mean, "time/update_s" of time_update_s, "primitive/usage_3" of
// primitive_usage_3; "other/…" of a column that has no group.
std::string TensorBoardTag(absl::string_view column);

}  // namespace pmoe
