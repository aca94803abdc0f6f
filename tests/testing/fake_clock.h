// A clock that stands still until a test moves it. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>

#include "common/base/clock.h"

namespace pmoe {

class FakeClock : public Clock {
 public:
  enum class OnWait {
    kHold,     // a wait lasts until it is woken or the test has moved time: for several threads
    kAdvance,  // a wait moves time to its deadline at once: for a test of one thread
  };
  explicit FakeClock(OnWait on_wait = OnWait::kAdvance) : on_wait_(on_wait) {}

  Time Now() const override { return Time(Duration(now_.load())); }
  void Sleep(Duration time) override { Advance(time); }
  void Advance(Duration by) { now_ += by.count(); }

 private:
  // Held, it looks again every millisecond of real time: whoever moves time need not know who
  // waits.
  void Wait(std::condition_variable* woken, std::unique_lock<std::mutex>* lock,
            Time until) override {
    if (on_wait_ == OnWait::kHold || until == Time::max()) {
      woken->wait_for(*lock, std::chrono::milliseconds(1));
    } else if (Now() < until) {
      now_ = until.time_since_epoch().count();
    }
  }

  const OnWait on_wait_;
  // Not 0: differences to a time that nobody has set should look as wrong as they are.
  std::atomic<Duration::rep> now_{Duration(std::chrono::hours(1000)).count()};
};

}  // namespace pmoe
