#include "common/base/clock.h"

#include <thread>

namespace pmoe {
namespace {

class RealClock : public Clock {
 public:
  Time Now() const override { return std::chrono::steady_clock::now(); }
  void Sleep(Duration time) override { std::this_thread::sleep_for(time); }

 private:
  void Wait(std::condition_variable* woken, std::unique_lock<std::mutex>* lock,
            Time until) override {
    // Time::max() would overflow where the library turns it into another clock's time.
    until == Time::max() ? woken->wait(*lock) : void(woken->wait_until(*lock, until));
  }
};

}  // namespace

Clock* Clock::Real() {
  static RealClock* const clock = new RealClock;
  return clock;
}

}  // namespace pmoe
