// A run's state as JSON, for programs and the dashboard. Free function.
#pragma once

#include <string>

#include "proto/run.pb.h"

namespace pmoe {

// Field names as in run.proto; numbers and texts also where they are zero or empty. One line, or,
// with `pretty`, one a field and a line feed at the end.
std::string StatusJson(const RunStatus& status, bool pretty = false);

}  // namespace pmoe
