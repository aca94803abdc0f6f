// Runs one program and measures it from outside. One thread at a time.
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

// args[0] is the program's path. Its errors go to our stderr with `show_errors`, else the last line
// of them ends the error. InternalError with the command, if it cannot start or does not end with
// exit code 0, InvalidArgumentError if that is 2; CancelledError after SIGINT or SIGTERM, which it
// catches from then on and passes on to the program.
absl::StatusOr<ChildResult> RunChild(const std::vector<std::string>& args, bool show_errors);

}  // namespace pmoe
