#include "run/policy_lag.h"

#include <algorithm>
#include <chrono>

namespace pmoe {
namespace {

constexpr std::chrono::seconds kLately(10);

double Seconds(Clock::Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void PolicyLag::OnPublish(uint64_t version) {
  if (version <= newest_) return;
  newest_ = version;
  published_.push_back({version, clock_->Now()});
  if (published_.size() > kTimed) published_.pop_front();
}

void PolicyLag::OnUse(uint64_t version, Clock::Time now) {
  if (version <= used_ || version > newest_) return;
  // The newest stand last.
  for (auto at = published_.rbegin(); at != published_.rend() && at->version > used_; ++at) {
    if (at->version <= version) publish_to_use_.Add(Seconds(now - at->at));
  }
  used_ = version;
}

double PolicyLag::SinceReplaced_s(uint64_t version, Clock::Time now) const {
  const auto next = std::upper_bound(
      published_.begin(), published_.end(), version,
      [](uint64_t value, const Publication& publication) { return value < publication.version; });
  return next == published_.end() ? 0.0 : Seconds(now - next->at);
}

void PolicyLag::OnReport(uint32_t actor, uint64_t version) {
  const Clock::Time now = clock_->Now();
  if (now - swept_at_ > kLately) {  // not at each report: of a thousand actors that is much
    swept_at_ = now;
    std::erase_if(actors_, [now](const auto& item) { return now - item.second.at > kLately; });
  }
  if (version == 0 || version > newest_) return;
  OnUse(version, now);
  actors_[actor] = {now, {static_cast<double>(newest_ - version), SinceReplaced_s(version, now)}};
}

void PolicyLag::OnRows(absl::Span<const uint32_t> versions) {
  if (versions.empty()) return;
  const uint64_t newest_of_rows = *std::max_element(versions.begin(), versions.end());
  if (newest_of_rows > used_) OnUse(newest_of_rows, clock_->Now());
}

std::optional<PolicyLag::Means> PolicyLag::Lately() const {
  const Clock::Time now = clock_->Now();
  Means means;
  int actors = 0;
  for (const auto& [actor, reported] : actors_) {
    if (now - reported.at > kLately) continue;
    means.versions += reported.lag.versions;
    means.seconds += reported.lag.seconds;
    ++actors;
  }
  if (actors == 0) return std::nullopt;
  return Means{means.versions / actors, means.seconds / actors};
}

}  // namespace pmoe
