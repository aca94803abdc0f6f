#include "common/base/recent_rates.h"

#include <chrono>
#include <utility>

namespace pmoe {
namespace {

constexpr double kSteps = 32.0;  // that a window slides in
constexpr double kLook = 100.0;

double Between(Clock::Time from, Clock::Time to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

bool RecentRates::Due() const {
  return before_.empty() || Between(newest_.at, clock_->Now()) >= window_s_ / kLook;
}

void RecentRates::Add(std::vector<double> counts) {
  newest_ = {clock_->Now(), std::move(counts)};
  if (before_.empty() || Between(before_.back().at, newest_.at) >= window_s_ / kSteps) {
    before_.push_back(newest_);
  }
  // The base is the newest that is at least a window old.
  while (before_.size() > 1 && Between(before_[1].at, newest_.at) >= window_s_) {
    before_.pop_front();
  }
}

double RecentRates::seconds() const {
  return before_.empty() ? 0.0 : Between(before_.front().at, newest_.at);
}

std::vector<double> RecentRates::PerSecond() const {
  const double over_s = seconds();
  if (!(over_s > 0.0)) return {};
  std::vector<double> rates = newest_.counts;
  const std::vector<double>& base = before_.front().counts;
  for (size_t i = 0; i < rates.size(); ++i) {
    rates[i] = (rates[i] - (i < base.size() ? base[i] : 0.0)) / over_s;
  }
  return rates;
}

}  // namespace pmoe
