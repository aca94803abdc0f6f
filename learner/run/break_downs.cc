#include "learner/run/break_downs.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pmoe {
namespace {

constexpr size_t kRecentMax = 100;
constexpr size_t kJudgedFrom = 20;
constexpr char kCause[] =
    "usual causes: a time step too large for the model (option timestep), or actuators' gains or "
    "gears too high";

}  // namespace

std::optional<std::string> BreakDowns::Add(absl::Span<const EpisodeResult> episodes) {
  for (const EpisodeResult& episode : episodes) {
    const bool broken = episode.diverged != 0;
    ++episodes_;
    broken_ += broken;
    recent_.push_back(broken);
    recent_broken_ += broken;
    if (recent_.size() <= kRecentMax) continue;
    recent_broken_ -= recent_.front();
    recent_.pop_front();
  }
  if (broken_ < next_line_) return std::nullopt;
  while (next_line_ <= broken_) next_line_ *= 10;
  return absl::StrFormat(
      "the simulation broke down in %d of %d episodes (%.0f %%); %s; metrics.csv counts "
      "them in train_diverged",
      broken_, episodes_, 100.0 * static_cast<double>(broken_) / static_cast<double>(episodes_),
      kCause);
}

absl::Status BreakDowns::Check() const {
  if (share_max_ >= 1.0 || recent_.size() < kJudgedFrom) return absl::OkStatus();
  const double share = static_cast<double>(recent_broken_) / static_cast<double>(recent_.size());
  if (share <= share_max_) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the simulation broke down in ", recent_broken_, " of the last ", recent_.size(),
      " episodes, more than observe.diverged_share_max=", share_max_, " allows; ", kCause));
}

}  // namespace pmoe
