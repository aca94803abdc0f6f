#include "common/config/real_time.h"

#include "absl/strings/str_cat.h"
#include "common/config/run_config.h"

namespace pmoe {

absl::Status CheckRealTime(const RunConfig& config) {
  const double hz = config.actor().real_time_hz();
  if (hz == 0) return absl::OkStatus();
  const std::string with = absl::StrCat(" with actor.real_time_hz ", hz, ", got ");
  if (IsLockstep(config)) {
    return absl::InvalidArgumentError(
        absl::StrCat("schedule.mode must be async", with, config.schedule().mode(),
                     "; in lockstep an actor waits for the learner between rounds. Use --mode "
                     "async"));
  }
  if (config.actor().envs() == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "actor.envs must be 1", with, config.actor().envs(),
      "; an actor steps its environments one after the other. Use actor.count for more "
      "robots"));
}

}  // namespace pmoe
