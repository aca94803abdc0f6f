// How every binary ends on an error: one line on stderr, exit code 2 for what the user can mend, 1
// for the rest.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/log.h"

namespace pmoe {

inline int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kResourceExhausted:
      return 2;
    default:
      return 1;
  }
}

// Prints "pmoe: <message>" unless ok; returns the exit code.
inline int ReportError(const absl::Status& status) {
  if (!status.ok()) Logger::OfProcess().Print(absl::StrCat("pmoe: ", status.message()));
  return ExitCode(status);
}

}  // namespace pmoe
