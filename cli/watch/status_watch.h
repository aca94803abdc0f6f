// `pmoe status --watch`: one live screen of a cluster that trains, stops, goes on elsewhere. Used
// by the main thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/watch/learner_target.h"

namespace pmoe {

inline constexpr std::chrono::seconds kWatchEvery(1);
inline constexpr std::chrono::milliseconds kNap(50);  // between looks for Ctrl-C

struct StatusWatchOptions {
  std::function<absl::StatusOr<LearnerTarget>()> find;  // where the learner is now
  std::string directory;  // of the run; empty: not known, and so not where it stopped either
  bool json = false;      // a line a second in place of the screen
  std::string color = "auto";
  std::string sort = "state";
};

// Until Ctrl-C or the run's end. A learner that comes back may listen elsewhere, so after a failure
// it is looked for again; where it has stopped meanwhile the screen says how to go on. The exit
// code.
int WatchStatus(const StatusWatchOptions& options, LearnerTarget target);

}  // namespace pmoe
