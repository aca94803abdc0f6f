// `pmoe status --watch`: asks once a second and draws until it is interrupted or the run is over.
// Runs on the caller's thread.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "proto/run.pb.h"

namespace pmoe {

struct WatchOptions {
  // Must end by itself; asked again after a failure, so that a restarted learner is found.
  std::function<absl::StatusOr<RunStatus>()> ask;
  std::function<std::string()> address;  // whom it asks, for people
  bool json = false;                     // one object per line instead; what fails goes to stderr
};

// OK: interrupted, or the run has finished. A learner that answers and refuses
// (PermissionDeniedError, UnauthenticatedError) is its error: waiting would not help.
absl::Status WatchStatus(const WatchOptions& options, const std::atomic<bool>& interrupted);

}  // namespace pmoe
