#include "run/env_errors.h"

#include "absl/strings/str_cat.h"
#include "common/base/printable_text.h"

namespace pmoe {

std::optional<std::string> EnvErrors::Add(const ActorReport& report) {
  if (report.env_errors == 0) return std::nullopt;
  errors_ += report.env_errors;
  // Of another machine, for a terminal of this one.
  last_ = absl::StrCat("actor ", report.actor, ": ", PrintableLines(report.env_error));
  if (ends_run_ || errors_ < next_line_) return std::nullopt;
  while (next_line_ <= errors_) next_line_ *= 10;
  return absl::StrCat("environments have failed ", errors_, errors_ == 1 ? " time" : " times",
                      ", each ended its episode; the last one: ", last_);
}

absl::Status EnvErrors::Check() const {
  if (!ends_run_ || errors_ == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(last_,
                   "\nThe run has ended with a checkpoint. Mend the environment and resume, or go "
                   "on past such episodes: --set env.on_error=end_episode"));
}

}  // namespace pmoe
