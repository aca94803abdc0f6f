#include "common/base/recent_rates.h"

#include "gmock/gmock.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RecentRatesTest : public ::testing::Test {
 protected:
  // Adds ten times a second for that long, growing by so much a second.
  void Grow(int for_s, double per_second) {
    for (int i = 0; i < 10 * for_s; ++i) {
      clock_.Advance(milliseconds(100));
      rates_.Add({count_ += per_second / 10.0});
    }
  }

  FakeClock clock_;
  RecentRates rates_{/*window_s=*/10.0, &clock_};
  double count_ = 7000.0;
};

TEST_F(RecentRatesTest, NothingIsKnownBeforeTwoLooks) {
  EXPECT_THAT(rates_.PerSecond(), IsEmpty());
  rates_.Add({count_});
  EXPECT_THAT(rates_.PerSecond(), IsEmpty());
}

TEST_F(RecentRatesTest, WhatWasThereBeforeTheFirstLookDoesNotCount) {
  rates_.Add({count_});
  Grow(2, 50.0);
  EXPECT_THAT(rates_.PerSecond(), ElementsAre(DoubleNear(50.0, 1e-9)));
  EXPECT_NEAR(rates_.seconds(), 2.0, 1e-9);
}

// Env steps come in bursts: the rate of the last row flipped between 0 and 709.
TEST_F(RecentRatesTest, BurstsAreAveragedOverTheWindow) {
  rates_.Add({count_});
  for (int burst = 0; burst < 30; ++burst) {
    clock_.Advance(seconds(1));
    rates_.Add({count_ += burst % 2 == 0 ? 700.0 : 0.0});
    if (burst < 12) continue;
    EXPECT_THAT(rates_.PerSecond(), ElementsAre(DoubleNear(350.0, 40.0)));
  }
}

TEST_F(RecentRatesTest, WhatIsOlderThanTheWindowIsForgotten) {
  rates_.Add({count_});
  Grow(60, 3600.0);
  Grow(12, 100.0);
  EXPECT_THAT(rates_.PerSecond(), ElementsAre(DoubleNear(100.0, 1e-6)));
  EXPECT_NEAR(rates_.seconds(), 10.0, 10.0 / 16);
}

// A lockstep round of a slow environment takes longer than the window.
TEST_F(RecentRatesTest, LooksThatAreFurtherApartThanTheWindowAreHeldAgainstEachOther) {
  rates_.Add({0.0});
  clock_.Advance(seconds(50));
  rates_.Add({100.0});
  EXPECT_THAT(rates_.PerSecond(), ElementsAre(2.0));
  clock_.Advance(seconds(50));
  rates_.Add({400.0});
  EXPECT_THAT(rates_.PerSecond(), ElementsAre(6.0));
}

TEST_F(RecentRatesTest, ACountThatComesLaterWasZeroBefore) {
  rates_.Add({0.0});
  clock_.Advance(seconds(1));
  rates_.Add({1.0, 5.0});
  EXPECT_THAT(rates_.PerSecond(), ElementsAre(1.0, 5.0));
}

TEST_F(RecentRatesTest, IsDueAHundredTimesAWindow) {
  EXPECT_TRUE(rates_.Due());
  rates_.Add({0.0});
  clock_.Advance(milliseconds(99));
  EXPECT_FALSE(rates_.Due());
  clock_.Advance(milliseconds(1));
  EXPECT_TRUE(rates_.Due());
}

}  // namespace
}  // namespace pmoe
