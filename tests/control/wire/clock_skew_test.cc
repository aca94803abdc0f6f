#include "control/wire/clock_skew.h"

#include <gmock/gmock.h>

namespace pmoe {
namespace {

using ::testing::HasSubstr;

TEST(ClockSkewTest, ClocksThatAgreeAreNotSpokenOf) {
  EXPECT_EQ(ClockSkew(1000.0, 1000.1, 1000.2), "");
  EXPECT_EQ(ClockSkew(1000.0, 1000.0 - kSkewMax_s, 1000.2), "");
  EXPECT_EQ(ClockSkew(1000.0, 1000.2 + kSkewMax_s, 1000.2), "");
}

TEST(ClockSkewTest, SaysHowFarAndOnWhichSideThisClockIs) {
  EXPECT_THAT(ClockSkew(1000.0, 1090.0, 1000.2), HasSubstr("clock is 90 s behind the learner's"));
  EXPECT_THAT(ClockSkew(1000.0, 400.0, 1000.2), HasSubstr("clock is 600 s ahead of the learner's"));
}

TEST(ClockSkewTest, ASlowAnswerIsNoSkew) { EXPECT_EQ(ClockSkew(1000.0, 1001.0, 1030.0), ""); }

TEST(ClockSkewTest, APeerThatTellsNoTimeIsBelieved) { EXPECT_EQ(ClockSkew(1e9, 0.0, 1e9), ""); }

}  // namespace
}  // namespace pmoe
