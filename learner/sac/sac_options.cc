#include "learner/sac/sac_options.h"

#include "absl/strings/str_cat.h"

namespace pmoe {

absl::Status SacOptions::Validate() const {
  if (members < 1 || batch_size < 1 || threads < 1 || critic_hidden.empty()) {
    return absl::InvalidArgumentError(
        "SacOptions: members, batch_size, threads and critic layers must be >= 1");
  }
  if (actor_lr <= 0.0 || critic_lr <= 0.0 || alpha_lr <= 0.0) {
    return absl::InvalidArgumentError("SacOptions: step sizes must be > 0");
  }
  if (tune_alpha && alpha <= 0.0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "learner.alpha must be > 0 where it is tuned (its logarithm is the parameter), got ",
        alpha));
  }
  if (loser_weight < 0.0 || loser_weight > 1.0) {
    return absl::InvalidArgumentError(
        absl::StrCat("learner.loser_weight must be in [0, 1], got ", loser_weight));
  }
  return absl::OkStatus();
}

}  // namespace pmoe
