#include "common/config/critic_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/config/critic_choices.h"

namespace pmoe {

absl::Status CheckCritics(const LearnerConfig& learner) {
  const LearnerConfig& unset = LearnerConfig::default_instance();
  const auto& hidden = learner.critic_hidden();
  if (ParseChoice<CriticNorm>(learner.critic_norm()) == CriticNorm::kLayer &&
      std::count(hidden.begin(), hidden.end(), 1) > 0) {
    return absl::InvalidArgumentError(
        "learner.critic_hidden must be >= 2 with learner.critic_norm layer, got 1; one unit less "
        "the mean of all is always 0");
  }
  const int quantiles = learner.critic_quantiles();
  if (quantiles == 0) {
    if (learner.dropped_quantiles() == unset.dropped_quantiles() &&
        learner.quantile_critics() == unset.quantile_critics()) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        "learner.dropped_quantiles and learner.quantile_critics do nothing without "
        "learner.critic_quantiles; leave them away, or set learner.critic_quantiles=25");
  }
  if (learner.dropped_quantiles() >= quantiles) {
    return absl::InvalidArgumentError(absl::StrCat(
        "learner.dropped_quantiles must be < learner.critic_quantiles ", quantiles, ", got ",
        learner.dropped_quantiles(), "; the rest is the target. TQC drops 2 of 25"));
  }
  if (ParseChoice<Critics>(learner.critics()) == Critics::kTwin) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("learner.critics=single does nothing with learner.critic_quantiles ", quantiles,
                   "; set learner.quantile_critics=1"));
}

}  // namespace pmoe
