// How long the callers of one side (inserts, samples) have waited for the other. Thread-compatible.
#pragma once

#include <chrono>
#include <set>

#include "common/base/clock.h"

namespace pmoe {

class BlockedTime {
 public:
  // A wait begins; End takes the same `began`.
  void Begin(Clock::Time began) {
    if (waits_.empty()) busy_since_ = began;
    waits_.insert(began);
  }
  void End(Clock::Time began, Clock::Time now) {
    waits_.erase(waits_.find(began));
    if (waits_.empty()) finished_ += now - busy_since_;
  }

  bool anybody() const { return !waits_.empty(); }
  // Seconds in which anybody waited, the waits of now included.
  double Total_s(Clock::Time now) const {
    return Seconds(finished_ + (waits_.empty() ? Clock::Duration{} : now - busy_since_));
  }
  // Seconds of the oldest wait of now; 0: nobody waits.
  double Current_s(Clock::Time now) const {
    return waits_.empty() ? 0.0 : Seconds(now - *waits_.begin());
  }

 private:
  static double Seconds(Clock::Duration time) {
    return std::chrono::duration<double>(time).count();
  }

  Clock::Duration finished_{};
  Clock::Time busy_since_{};
  std::multiset<Clock::Time> waits_;  // beginnings
};

}  // namespace pmoe
