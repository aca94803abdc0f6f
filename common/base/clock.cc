#include "common/base/clock.h"

#include <algorithm>
#include <new>
#include <thread>

namespace pmoe {
namespace {

// Debian 12's glibc can lose a wake-up (its bug 25847). Whoever waits looks again after this long.
constexpr std::chrono::seconds kLookAgain(1);

class RealClock : public Clock {
 public:
  Time Now() const override { return std::chrono::steady_clock::now(); }
  void Sleep(Duration time) override { std::this_thread::sleep_for(time); }

 private:
  void Wait(std::condition_variable* woken, std::unique_lock<std::mutex>* lock,
            Time until) override {
    woken->wait_until(*lock, std::min(until, Now() + kLookAgain));
  }
};

}  // namespace

Clock* Clock::Real() {
  // Never destroyed, for threads that outlive main; not on the heap, for code that must not
  // allocate.
  alignas(RealClock) static unsigned char memory[sizeof(RealClock)];
  static RealClock* const clock = new (memory) RealClock;
  return clock;
}

}  // namespace pmoe
