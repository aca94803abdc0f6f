#include "learner/run/run_parts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/config/run_config.h"

namespace pmoe {

std::optional<FifoOptions> FifoFromConfig(const RunConfig& config) {
  if (!AlgorithmOf(config).on_policy()) return std::nullopt;
  // Rows of the rollout that comes next are one version old when they are learned from, and one
  // more where their actor waited for room: what lies beyond is for greater lags.
  constexpr int kLagOfTheNext = 2;
  return FifoOptions{.rollout_steps = config.schedule().steps_per_round(),
                             .max_lag = std::max(0, config.schedule().max_lag() - kLagOfTheNext)};
}

RunLogOptions LogOptions(const RunConfig& config, uint64_t total_steps, bool resumed,
                         uint64_t resumed_steps) {
  RunLogOptions options;
  options.label = absl::StrCat(config.env().id(), " ", config.algorithm(), " seed ", config.seed());
  options.total_steps = total_steps;
  options.primitives = config.policy().primitives();
  options.log_every_steps = config.observe().log_every_steps();
  options.diverged_share_max = config.observe().diverged_share_max();
  options.resumed = resumed;
  options.resumed_steps = resumed_steps;
  return options;
}

}  // namespace pmoe
