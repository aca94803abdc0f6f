// How long the callers of one side (inserts, samples) have waited for the other. Thread-compatible.
#pragma once

#include <chrono>
#include <set>

namespace pmoe {

class BlockedTime {
 public:
  using Clock = std::chrono::steady_clock;

  // A wait begins; End takes the same `began`.
  void Begin(Clock::time_point began) {
    if (waits_.empty()) busy_since_ = began;
    waits_.insert(began);
  }
  void End(Clock::time_point began, Clock::time_point now) {
    waits_.erase(waits_.find(began));
    if (waits_.empty()) finished_ += now - busy_since_;
  }

  bool anybody() const { return !waits_.empty(); }
  // Seconds in which anybody waited, the waits of now included.
  double Total_s(Clock::time_point now) const {
    return Seconds(finished_ + (waits_.empty() ? Clock::duration{} : now - busy_since_));
  }
  // Seconds of the oldest wait of now; 0: nobody waits.
  double Current_s(Clock::time_point now) const {
    return waits_.empty() ? 0.0 : Seconds(now - *waits_.begin());
  }

 private:
  static double Seconds(Clock::duration time) {
    return std::chrono::duration<double>(time).count();
  }

  Clock::duration finished_{};
  Clock::time_point busy_since_{};
  std::multiset<Clock::time_point> waits_;  // beginnings
};

}  // namespace pmoe
