#include "common/base/clock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "common/base/mutex.h"
#include "common/base/stopwatch.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ClockTest, ADeadlineEndsAWaitThatNobodyWakes) {
  FakeClock clock;
  Mutex mu;
  CondVar changed(&clock);
  const Clock::Time begin = clock.Now();
  MutexLock lock(&mu);
  EXPECT_FALSE(changed.WaitUntil(&mu, begin + seconds(3600)));
  EXPECT_EQ(clock.Now() - begin, seconds(3600));
  EXPECT_FALSE(changed.WaitUntil(&mu, begin));  // has passed: no wait
  EXPECT_EQ(clock.Now() - begin, seconds(3600));
}

TEST(ClockTest, ABriefWaitLooksTenTimesASecondUntilTheDeadline) {
  FakeClock clock;
  Mutex mu;
  CondVar changed(&clock);
  int looks = 0;
  const Clock::Time deadline = clock.Now() + seconds(1);
  MutexLock lock(&mu);
  while (changed.WaitBriefly(&mu, deadline)) ++looks;
  EXPECT_EQ(looks, 9);
  EXPECT_EQ(clock.Now(), deadline);
}

// Whether a thread that waits for `go` without a deadline sees it.
void ExpectWoken(Clock* clock) {
  Mutex mu;
  CondVar changed(clock);
  bool go = false;
  std::thread waiting([&] {
    MutexLock lock(&mu);
    while (!go) changed.Wait(&mu);
  });
  {
    MutexLock lock(&mu);
    go = true;
    changed.NotifyAll();
  }
  waiting.join();
}

TEST(ClockTest, WhatIsWokenGoesOnUnderTheRealClock) { ExpectWoken(Clock::Real()); }

TEST(ClockTest, WhatIsWokenGoesOnUnderAFakeOne) {
  FakeClock clock(FakeClock::OnWait::kHold);
  ExpectWoken(&clock);
}

TEST(ClockTest, TimeThatATestMovesEndsTheWaitOfAnotherThread) {
  FakeClock clock(FakeClock::OnWait::kHold);
  Mutex mu;
  CondVar changed(&clock);
  const Clock::Time deadline = clock.Now() + seconds(600);
  std::thread waiting([&] {
    MutexLock lock(&mu);
    while (changed.WaitUntil(&mu, deadline)) {
    }
  });
  clock.Advance(seconds(599));
  clock.Advance(seconds(1));
  waiting.join();
  EXPECT_GE(clock.Now(), deadline);
}

TEST(ClockTest, TheRealClockGoesOnAndWaitsAsLongAsAsked) {
  Clock* const clock = Clock::Real();
  Mutex mu;
  CondVar changed;
  const Clock::Time begin = clock->Now();
  MutexLock lock(&mu);
  while (changed.WaitUntil(&mu, begin + milliseconds(20))) {
  }
  EXPECT_GE(clock->Now() - begin, milliseconds(20));
}

// A child that its parent stops for longer than its deadline has left, and writes to when it has
// let it go on. 0: the deadline had not passed, 1: it ended the wait, 2: Now() went on meanwhile.
int WaitThroughAStop(int told, int asked) {
  Mutex mu;
  CondVar changed;
  bool waits = false, go_on = false, passed = false;
  const Clock::Time begin = Clock::Real()->Now();
  std::thread waiting([&] {
    MutexLock lock(&mu);
    waits = true;
    while (!go_on && !passed) passed = !changed.WaitUntil(&mu, begin + seconds(5));
  });
  for (bool inside = false; !inside;) {  // whoever waits has let go of the mutex
    MutexLock lock(&mu);
    inside = waits;
  }
  char byte = 'w';
  if (::write(told, &byte, 1) != 1 || ::read(asked, &byte, 1) != 1) return 3;
  {
    MutexLock lock(&mu);
    go_on = true;
    changed.NotifyAll();
  }
  waiting.join();
  if (passed) return 1;
  return Clock::Real()->Now() - begin < seconds(5) ? 0 : 2;
}

TEST(ClockTest, ADeadlineDoesNotPassWhileTheProcessIsStopped) {
  std::array<int, 2> up{}, down{};
  ASSERT_EQ(::pipe(up.data()), 0);
  ASSERT_EQ(::pipe(down.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(WaitThroughAStop(up[1], down[0]));
  char byte = 0;
  ASSERT_EQ(::read(up[0], &byte, 1), 1);
  ASSERT_EQ(::kill(child, SIGSTOP), 0);
  Clock::Real()->Sleep(seconds(7));
  ASSERT_EQ(::kill(child, SIGCONT), 0);
  ASSERT_EQ(::write(down[1], &byte, 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  for (const int fd : {up[0], up[1], down[0], down[1]}) ::close(fd);
}

TEST(ClockTest, ASleepOfManyLooksIsAsLongAsAsked) {
  const Clock::Time begin = Clock::Real()->Now();
  Clock::Real()->Sleep(milliseconds(2100));
  EXPECT_GE(Clock::Real()->Now() - begin, milliseconds(2100));
}

TEST(StopwatchTest, CountsTheSecondsOfItsClock) {
  FakeClock clock;
  Stopwatch watch(&clock);
  clock.Advance(milliseconds(1500));
  EXPECT_DOUBLE_EQ(watch.Elapsed(), 1.5);
  EXPECT_DOUBLE_EQ(watch.Lap(), 1.5);
  clock.Advance(milliseconds(250));
  EXPECT_DOUBLE_EQ(watch.Lap(), 0.25);
}

}  // namespace
}  // namespace pmoe
