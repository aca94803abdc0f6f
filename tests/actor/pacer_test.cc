// A clock that tests move; periods are of 10 ms unless said.
#include "actor/pacer.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

bool Never() { return false; }

class PacerTest : public ::testing::Test {
 protected:
  // Of the clock since the grid began.
  Clock::Duration Now() const { return clock_.Now() - began_; }

  FakeClock clock_;
  Clock::Time began_ = clock_.Now();
  Pacer pacer_{100.0, &clock_};
};

TEST_F(PacerTest, TicksArePeriodsApartHoweverLongTheWorkTakes) {
  for (int tick = 1; tick <= 50; ++tick) {
    EXPECT_TRUE(pacer_.Await(Never));
    EXPECT_EQ(Now(), milliseconds(10 * tick));
    clock_.Advance(microseconds(199 * tick));  // up to 9.95 ms
  }
  EXPECT_EQ(pacer_.TakeMisses(), 0u);
}

TEST_F(PacerTest, WorkOfAWholePeriodIsInTime) {
  for (int tick = 1; tick <= 5; ++tick) {
    pacer_.Await(Never);
    clock_.Advance(milliseconds(10));
  }
  EXPECT_EQ(Now(), milliseconds(60));
  EXPECT_EQ(pacer_.TakeMisses(), 0u);
}

TEST_F(PacerTest, WhoIsLateWaitsForTheNextTickOfTheGrid) {
  pacer_.Await(Never);
  clock_.Advance(microseconds(10001));
  pacer_.Await(Never);
  EXPECT_EQ(Now(), milliseconds(30));
  EXPECT_EQ(pacer_.TakeMisses(), 1u);
}

// A stall of 12 periods and a half is not followed by 12 steps at once.
TEST_F(PacerTest, NothingIsMadeUpFor) {
  pacer_.Await(Never);
  clock_.Advance(milliseconds(125));
  for (int tick = 14; tick < 20; ++tick) {
    pacer_.Await(Never);
    EXPECT_EQ(Now(), milliseconds(10 * tick));
  }
  EXPECT_EQ(pacer_.TakeMisses(), 12u);
  EXPECT_EQ(pacer_.TakeMisses(), 0u);
}

// Its wake-up comes from the system, which may be busy.
class SleepyClock : public FakeClock {
 public:
  void Sleep(Duration time) override { FakeClock::Sleep(time + oversleeps); }
  Duration oversleeps{0};
};

TEST(SleepyPacerTest, AWakeUpWithinThePeriodIsInTimeAndALaterOneIsNot) {
  SleepyClock clock;
  const Clock::Time began = clock.Now();
  Pacer pacer(100.0, &clock);
  clock.oversleeps = milliseconds(9);
  pacer.Await(Never);
  EXPECT_EQ(clock.Now() - began, milliseconds(19));
  clock.oversleeps = milliseconds(0);
  pacer.Await(Never);
  EXPECT_EQ(clock.Now() - began, milliseconds(20));
  EXPECT_EQ(pacer.TakeMisses(), 0u);
  clock.oversleeps = milliseconds(25);
  pacer.Await(Never);  // in the period of tick 5 instead of 3
  EXPECT_EQ(clock.Now() - began, milliseconds(55));
  EXPECT_EQ(pacer.TakeMisses(), 2u);
  clock.oversleeps = milliseconds(0);
  pacer.Await(Never);
  EXPECT_EQ(clock.Now() - began, milliseconds(60));
}

// 1/30 s is no whole number of nanoseconds: a million of them are.
TEST(PacerDriftTest, RoundingDoesNotAddUp) {
  FakeClock clock;
  const Clock::Time began = clock.Now();
  Pacer pacer(30.0, &clock);
  for (int tick = 0; tick < 900'000; ++tick) pacer.Await(Never);
  EXPECT_EQ(clock.Now() - began, std::chrono::seconds(30'000));
  EXPECT_EQ(pacer.TakeMisses(), 0u);
}

TEST_F(PacerTest, AnEpisodesGridBeginsWithIt) {
  pacer_.Await(Never);
  clock_.Advance(milliseconds(1234));  // the robot gets up
  pacer_.Start();
  pacer_.Await(Never);
  EXPECT_EQ(Now(), milliseconds(10 + 1234 + 10));
  EXPECT_EQ(pacer_.TakeMisses(), 0u);
}

TEST(SlowPacerTest, IsStoppedInTheMiddleOfALongPeriod) {
  FakeClock clock;
  const Clock::Time began = clock.Now();
  Pacer pacer(0.001, &clock);
  int asked = 0;
  EXPECT_FALSE(pacer.Await([&asked] { return ++asked == 3; }));
  EXPECT_EQ(clock.Now() - began, milliseconds(200));
}

}  // namespace
}  // namespace pmoe
