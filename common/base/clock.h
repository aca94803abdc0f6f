// Monotonic time as a seam. Whoever measures or waits is given a Clock; tests hand in a FakeClock
// (tests/testing/fake_clock.h) and move time by hand. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace pmoe {

class Clock {
 public:
  using Duration = std::chrono::steady_clock::duration;
  using Time = std::chrono::steady_clock::time_point;

  virtual ~Clock() = default;
  // The machine's; lives for ever. Time in which the process stood still for 5 s or more while one
  // of its threads waited does not count (Ctrl-Z and fg, docker pause): no deadline passes in it.
  static Clock* Real();

  virtual Time Now() const = 0;
  // For a loop that looks after processes and flags, which wake nobody. Elsewhere use a CondVar.
  virtual void Sleep(Duration time) = 0;

 private:
  friend class CondVar;
  // Until `woken` is notified, `until` has come, or for nothing.
  virtual void Wait(std::condition_variable* woken, std::unique_lock<std::mutex>* lock,
                    Time until) = 0;
};

}  // namespace pmoe
