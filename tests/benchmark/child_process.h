// Runs one program and measures it from outside. Thread-safe function.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pmoe {

struct ChildResult {
  double wall_s = 0.0;
  double cpu_s = 0.0;  // of its threads and children, user and system
  std::string out;     // its standard output
};

// args[0] is the program's path. Its errors go to our stderr with `show_errors`, else to nowhere.
// InternalError with the command, if it cannot start or does not end with exit code 0.
absl::StatusOr<ChildResult> RunChild(const std::vector<std::string>& args, bool show_errors);

}  // namespace pmoe
