#include "common/base/activity_clock.h"

#include "gmock/gmock.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

TEST(ActivityClockTest, TimeGoesToTheActivityThatWasEnteredLast) {
  FakeClock clock;
  ActivityClock time(3, &clock);
  clock.Advance(seconds(1));  // in the last one, until another is entered
  time.Enter(0);
  clock.Advance(seconds(2));
  time.Enter(1);
  clock.Advance(seconds(4));
  time.Enter(0);
  clock.Advance(seconds(8));
  time.Enter(2);
  EXPECT_THAT(time.Seconds(), ElementsAre(10.0, 4.0, 1.0));
}

// An actor that replay gives no room for ten minutes reports nothing, and must be seen to wait.
TEST(ActivityClockTest, WhatIsUnderWayCountsWhileItLasts) {
  FakeClock clock;
  ActivityClock time(2, &clock);
  time.Enter(0);
  clock.Advance(seconds(5));
  EXPECT_THAT(time.Seconds(), ElementsAre(5.0, 0.0));
  clock.Advance(seconds(5));
  EXPECT_THAT(time.Seconds(), ElementsAre(10.0, 0.0));
  EXPECT_EQ(time.current(), 0u);
}

}  // namespace
}  // namespace pmoe
