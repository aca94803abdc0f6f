// Time of a simulation of one thread. Whoever waits lets others go on: a wait gives its mutex back
// and calls `wait`, which does something else and moves time. Thread-compatible.
#pragma once

#include <functional>
#include <mutex>

#include "common/base/clock.h"

namespace pmoe {

class SimClock : public Clock {
 public:
  std::function<void(Time until)> wait;

  Time Now() const override { return now_; }
  void Sleep(Duration time) override { Advance(time); }
  void Advance(Duration by) { now_ += by; }

 private:
  // tidy: allowed because it is Clock's own interface
  void Wait(std::condition_variable*, std::unique_lock<std::mutex>* lock, Time until) override {
    lock->unlock();
    wait(until);
    lock->lock();
  }

  Time now_{std::chrono::hours(1000)};
};

}  // namespace pmoe
