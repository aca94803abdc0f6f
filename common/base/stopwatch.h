// Seconds since the last lap, monotonic.
#pragma once

#include <chrono>

#include "common/base/clock.h"

namespace pmoe {

class Stopwatch {
 public:
  explicit Stopwatch(const Clock* clock = Clock::Real()) : clock_(clock), start_(clock->Now()) {}

  // Seconds since construction or the last Lap.
  double Lap() {
    const Clock::Time now = clock_->Now();
    const double seconds = std::chrono::duration<double>(now - start_).count();
    start_ = now;
    return seconds;
  }
  double Elapsed() const { return std::chrono::duration<double>(clock_->Now() - start_).count(); }

 private:
  const Clock* clock_;
  Clock::Time start_;
};

}  // namespace pmoe
