// Counts the episodes that ended because the simulation broke down, says so when it matters, and
// tells when there are too many. Used by the learner's thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "control/core/control.h"

namespace pmoe {

class BreakDowns {
 public:
  // `share_max`: of the last 100 episodes, judged from 20 on; 1: any share will do.
  explicit BreakDowns(double share_max) : share_max_(share_max) {}

  // A line to show at the 1st, 10th, 100th … broken episode of this process.
  std::optional<std::string> Add(absl::Span<const EpisodeResult> episodes);
  // FailedPreconditionError: more than the share allowed.
  absl::Status Check() const;

 private:
  const double share_max_;
  uint64_t episodes_ = 0;
  uint64_t broken_ = 0;
  uint64_t next_line_ = 1;   // count of broken ones
  std::deque<bool> recent_;  // of the last 100 episodes: broken?
  int recent_broken_ = 0;
};

}  // namespace pmoe
