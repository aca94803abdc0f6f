#include "common/base/activity_clock.h"

#include <chrono>

namespace pmoe {
namespace {

double InSeconds(Clock::Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

Clock::Time ActivityClock::Enter(size_t activity) {
  MutexLock lock(&mu_);
  const Clock::Time now = clock_->Now();
  seconds_[now_in_] += InSeconds(now - since_);
  now_in_ = activity;
  since_ = now;
  return now;
}

size_t ActivityClock::current() const {
  MutexLock lock(&mu_);
  return now_in_;
}

std::vector<double> ActivityClock::Seconds() const {
  MutexLock lock(&mu_);
  std::vector<double> seconds = seconds_;
  seconds[now_in_] += InSeconds(clock_->Now() - since_);
  return seconds;
}

}  // namespace pmoe
