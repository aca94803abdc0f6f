#include "common/base/clock.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <thread>

namespace pmoe {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Debian 12's glibc can lose a wake-up (its bug 25847). Whoever waits looks again after this long.
constexpr std::chrono::seconds kLookAgain(1);
// Whoever waits looks at the time at least every kLookAgain. Where nobody has looked for so long
// although somebody waits, the process stood still: Ctrl-Z, docker pause, SIGSTOP.
constexpr std::chrono::seconds kStoodStill(5);

// steady_clock without the time in which the process stood still while one of its threads waited.
// That time would end every wait that has a deadline, and with it a run whose other threads stood
// still as well. Without a thread that waits no deadline is running, and all time counts.
class RealClock : public Clock {
 public:
  Time Now() const override {
    const Reading now = Read();
    return now.steady - now.still;
  }
  void Sleep(Duration time) override {
    const Time begin = Now();
    for (Duration left = time; left > Duration::zero(); left = time - (Now() - begin)) {
      const Waiting waiting(this);
      std::this_thread::sleep_for(std::min<Duration>(left, kLookAgain));
    }
  }

 private:
  struct Reading {
    Time steady;
    Duration still;
  };

  // Around a wait of at most kLookAgain.
  class Waiting {
   public:
    explicit Waiting(RealClock* clock) : clock_(clock) {
      clock_->Look();  // first: before that nobody may have looked for long
      ++clock_->waiting_;
    }
    ~Waiting() {
      clock_->Look();
      --clock_->waiting_;
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    RealClock* const clock_;
  };

  void Wait(std::condition_variable* woken, std::unique_lock<std::mutex>* lock,
            Time until) override {
    const Waiting waiting(this);
    woken->wait_for(*lock, std::min<Duration>(until - Now(), kLookAgain));
  }

  // A thread that was stopped in here reads again where another one has counted that meanwhile.
  Reading Read() const {
    for (;;) {
      const Duration::rep still = still_.load();
      const Time steady = SteadyClock::now();
      if (CountStop(steady) || still != still_.load()) continue;
      return {steady, Duration(still)};
    }
  }

  // Never back, and no later than what has been read: a stop from here on must show.
  void Look() {
    const Duration::rep now = Read().steady.time_since_epoch().count();
    for (Duration::rep seen = seen_.load(); seen < now;) {
      if (seen_.compare_exchange_weak(seen, now)) return;
    }
  }

  bool IsStop(Time steady) const {
    return waiting_.load() > 0 && steady - Time(Duration(seen_.load())) >= kStoodStill;
  }

  // Whether `steady` shows a stop. It is counted once; `seen_` last, which tells the others so.
  bool CountStop(Time steady) const {
    if (!IsStop(steady)) return false;
    const std::lock_guard<std::mutex> lock(counting_);
    if (IsStop(steady)) {
      still_ += steady.time_since_epoch().count() - seen_.load();
      seen_ = steady.time_since_epoch().count();
    }
    return true;
  }

  mutable std::mutex counting_;
  mutable std::atomic<Duration::rep> seen_{0};   // when a thread that waits last looked
  mutable std::atomic<Duration::rep> still_{0};  // how long the process stood still
  std::atomic<int> waiting_{0};                  // threads
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
