#include "replay/core/blocked_time.h"

#include <gtest/gtest.h>

namespace pmoe {
namespace {

constexpr Clock::Time At(int second) { return Clock::Time(std::chrono::seconds(100 + second)); }

TEST(BlockedTimeTest, NobodyHasWaitedAtFirst) {
  const BlockedTime blocked;
  EXPECT_EQ(blocked.Total_s(At(5)), 0.0);
  EXPECT_EQ(blocked.Current_s(At(5)), 0.0);
}

TEST(BlockedTimeTest, AWaitCountsWhileItLasts) {
  BlockedTime blocked;
  blocked.Begin(At(0));
  EXPECT_EQ(blocked.Total_s(At(3)), 3.0);
  EXPECT_EQ(blocked.Current_s(At(3)), 3.0);
}

TEST(BlockedTimeTest, WaitsThatOverlapCountOnceInTheTotal) {
  BlockedTime blocked;
  blocked.Begin(At(0));
  blocked.Begin(At(2));
  blocked.End(At(0), At(4));
  EXPECT_EQ(blocked.Current_s(At(5)), 3.0);
  blocked.End(At(2), At(6));
  EXPECT_EQ(blocked.Total_s(At(9)), 6.0);
  EXPECT_EQ(blocked.Current_s(At(9)), 0.0);
}

TEST(BlockedTimeTest, TwoWaitsMayBeginTogether) {
  BlockedTime blocked;
  blocked.Begin(At(0));
  blocked.Begin(At(0));
  blocked.End(At(0), At(1));
  EXPECT_EQ(blocked.Current_s(At(2)), 2.0);
}

}  // namespace
}  // namespace pmoe
