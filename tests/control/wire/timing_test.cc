#include "control/wire/timing.h"

#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using std::chrono::seconds;

TEST(ActorSharesTest, BlockedIsNoPartOfWriteAndAllAddUpToOne) {
  FakeClock clock;
  ActorShares shares(&clock);
  ActorTime time;
  shares.Look({});
  EXPECT_FALSE(shares.Fill(&time));
  clock.Advance(seconds(10));
  shares.Look({.env = 4.0, .policy = 2.0, .write = 3.5, .blocked = 2.5, .idle = 0.5});
  ASSERT_TRUE(shares.Fill(&time));
  EXPECT_DOUBLE_EQ(time.env(), 0.4);
  EXPECT_DOUBLE_EQ(time.policy(), 0.2);
  EXPECT_DOUBLE_EQ(time.write(), 0.1);
  EXPECT_DOUBLE_EQ(time.blocked(), 0.25);
  EXPECT_DOUBLE_EQ(time.idle(), 0.05);
}

TEST(LatencyMessageTest, CarriesTheQuantiles) {
  FakeClock clock;
  LatencyHistogram histogram(&clock);
  for (int i = 0; i < 99; ++i) histogram.Add(0.009);
  histogram.Add(2.5);
  const LatencyMessage message = ToMessage("insert_ack", histogram);
  EXPECT_EQ(message.name(), "insert_ack");
  EXPECT_EQ(message.count(), 100u);
  EXPECT_DOUBLE_EQ(message.p50_s(), 0.01);
  EXPECT_DOUBLE_EQ(message.p99_s(), 0.01);
  EXPECT_DOUBLE_EQ(message.max_s(), 2.5);
}

}  // namespace
}  // namespace pmoe
