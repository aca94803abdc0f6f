#include "run/policy_lag.h"

#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using std::chrono::seconds;

class PolicyLagTest : public ::testing::Test {
 protected:
  // Versions 1 … n, a second apart.
  void Publish(uint64_t n) {
    for (uint64_t version = 1; version <= n; ++version) {
      lag_.OnPublish(version);
      clock_.Advance(seconds(1));
    }
  }

  FakeClock clock_;
  PolicyLag lag_{&clock_};
};

TEST_F(PolicyLagTest, IsTheMeanOfTheActorsThatReportedLately) {
  Publish(5);  // version 5 stands for a second
  lag_.OnReport(0, 5);
  lag_.OnReport(1, 3);  // replaced by 4, two seconds ago
  ASSERT_TRUE(lag_.Lately().has_value());
  EXPECT_DOUBLE_EQ(lag_.Lately()->versions, 1.0);
  EXPECT_DOUBLE_EQ(lag_.Lately()->seconds, 1.0);
}

TEST_F(PolicyLagTest, AnActorThatIsSilentDoesNotCount) {
  Publish(3);
  lag_.OnReport(0, 1);
  clock_.Advance(seconds(8));
  lag_.OnReport(1, 3);
  clock_.Advance(seconds(3));
  EXPECT_DOUBLE_EQ(lag_.Lately()->versions, 0.0);
  clock_.Advance(seconds(11));
  EXPECT_FALSE(lag_.Lately().has_value());
}

TEST_F(PolicyLagTest, UniformActionsAndVersionsThatNobodyPublishedDoNotCount) {
  Publish(3);
  lag_.OnReport(0, 0);
  lag_.OnReport(1, 99);
  EXPECT_FALSE(lag_.Lately().has_value());
  EXPECT_EQ(lag_.publish_to_use().Lately().count, 0u);
}

TEST_F(PolicyLagTest, TheFirstUseOfAVersionOrANewerOneEndsItsWay) {
  Publish(3);  // at 0, 1 and 2 s; it is 3 s now
  lag_.OnReport(0, 2);
  EXPECT_EQ(lag_.publish_to_use().Lately().count, 2u);  // 3 s and 2 s
  EXPECT_DOUBLE_EQ(lag_.publish_to_use().Lately().max, 3.0);
  lag_.OnReport(1, 2);
  EXPECT_EQ(lag_.publish_to_use().Lately().count, 2u);
  const uint32_t rows[] = {1, 3, 2, 0};
  lag_.OnRows(rows);  // 1 s
  EXPECT_EQ(lag_.publish_to_use().Lately().count, 3u);
  EXPECT_DOUBLE_EQ(lag_.publish_to_use().SinceStart().sum_s, 6.0);
}

TEST_F(PolicyLagTest, ARestartedLearnersVersionsMayJump) {
  Publish(1);
  lag_.OnPublish(1000);
  clock_.Advance(seconds(4));
  lag_.OnReport(0, 7);  // of the life before, which this one never published
  EXPECT_DOUBLE_EQ(lag_.Lately()->seconds, 4.0);
}

}  // namespace
}  // namespace pmoe
