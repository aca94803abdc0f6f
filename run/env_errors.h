// Counts the resets and steps that environments failed by themselves, says so when it matters, and
// tells whether the run goes on. Used by the learner's thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "control/core/control.h"

namespace pmoe {

class EnvErrors {
 public:
  // `ends_run`: of env.on_error.
  explicit EnvErrors(bool ends_run) : ends_run_(ends_run) {}

  // A line to show at the 1st, 10th, 100th … error of this process, if the run goes on.
  std::optional<std::string> Add(const ActorReport& report);
  // FailedPreconditionError with the environment's own words: the run ends.
  absl::Status Check() const;

 private:
  const bool ends_run_;
  uint64_t errors_ = 0;
  uint64_t next_line_ = 1;
  std::string last_;
};

}  // namespace pmoe
