// What the folder of a run says of it where no learner answers: trained by `pmoe train`, or by
// nobody any more. Free function.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace pmoe {

// A line for people, or an object in one line: at how many env steps it is, its last return, and
// what to type next. NotFoundError: no run's folder.
absl::StatusOr<std::string> StillRunText(const std::string& directory, bool json);

}  // namespace pmoe
