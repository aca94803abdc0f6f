#include "learner/sac/sac_options.h"

namespace pmoe {

absl::Status SacOptions::Validate() const {
  if (members < 1 || batch_size < 1 || threads < 1 || critic_hidden.empty()) {
    return absl::InvalidArgumentError(
        "SacOptions: members, batch_size, threads and critic layers must be >= 1");
  }
  if (quantiles > 0 && (quantile_critics < 1 || dropped_quantiles >= quantiles)) {
    return absl::InvalidArgumentError(
        "SacOptions: critics with quantiles must be >= 1, and keep one of theirs in the target");
  }
  return absl::OkStatus();
}

}  // namespace pmoe
