#include "common/base/clock.h"

#include <gtest/gtest.h>

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
