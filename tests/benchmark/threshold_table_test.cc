// What `pmoe bench threshold` makes of runs that did, and did not, reach the threshold.
#include "tests/benchmark/threshold_table.h"

#include "gmock/gmock.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ThresholdRun Reached(double wall_s) {
  return {.reached = true, .env_steps = 10'000, .wall_s = wall_s, .cpu_s = 2 * wall_s};
}

ThresholdRun NotReached(double wall_s) { return {.env_steps = 300'000, .wall_s = wall_s}; }

std::string Printed(const std::vector<ThresholdSide>& sides, bool json = false) {
  ::testing::internal::CaptureStdout();
  Report report(json);
  ReportThreshold({"Hopper-v5", 2500.0, 300'000}, sides, "", &report);
  report.Finish();
  return ::testing::internal::GetCapturedStdout();
}

TEST(ThresholdTableTest, ARunThatDidNotReachItIsLongerThanAllThatDid) {
  const ThresholdMedians medians = MediansOf({Reached(10), NotReached(1), Reached(30)});
  EXPECT_EQ(medians.reached, 2);
  EXPECT_EQ(medians.wall_s, 30.0);
  EXPECT_EQ(medians.cpu_s, 60.0);
}

TEST(ThresholdTableTest, WhereTheMedianRunDidNotReachItThereIsNoTime) {
  EXPECT_FALSE(MediansOf({Reached(10), NotReached(99)}).has_time());  // between 10 and endless
  EXPECT_FALSE(MediansOf({NotReached(99)}).has_time());
}

TEST(ThresholdTableTest, RatiosAreOverTheFastestPeerThatReachedIt) {
  const std::string json = Printed({{"sac", true, {Reached(30)}},
                                    {"pmoe_sac", true, {Reached(15)}},
                                    {"sb3_sac", false, {Reached(100)}},
                                    {"sbx_sac", false, {Reached(60)}},
                                    {"sbx_crossq", false, {NotReached(20)}}},
                                   /*json=*/true);
  EXPECT_THAT(json, HasSubstr("\"Hopper-v5/sac.wall_over_best_peer\": 0.5,"));
  EXPECT_THAT(json, HasSubstr("\"Hopper-v5/pmoe_sac.wall_over_best_peer\": 0.25,"));
  EXPECT_THAT(json, HasSubstr("\"Hopper-v5.best_wall_over_best_peer\": 0.25\n"));
}

TEST(ThresholdTableTest, ASideThatDidNotReachItHasNeitherTimeNorRatio) {
  const std::vector<ThresholdSide> sides = {{"sac", true, {NotReached(7)}},
                                            {"pmoe_sac", true, {Reached(30)}},
                                            {"sbx_sac", false, {Reached(60)}}};
  EXPECT_THAT(Printed(sides), HasSubstr("Hopper-v5/sac: not reached in 300000 env steps by 1 of 1 "
                                        "runs"));
  const std::string json = Printed(sides, /*json=*/true);
  EXPECT_THAT(json, HasSubstr("\"Hopper-v5/sac.reached\": 0,"));
  EXPECT_THAT(json, Not(HasSubstr("Hopper-v5/sac.wall_s")));
  EXPECT_THAT(json, Not(HasSubstr("Hopper-v5/sac.wall_over")));
}

TEST(ThresholdTableTest, WhereNoPeerReachedItTheFirstToGiveUpBoundsTheRatio) {
  const std::string text = Printed({{"sac", true, {Reached(30)}},
                                    {"sb3_sac", false, {NotReached(100)}},
                                    {"sbx_sac", false, {NotReached(60)}}});
  EXPECT_THAT(text, HasSubstr("sbx_sac gave up first, after 60 s: the ratio of wall times is below "
                              "0.5"));
  EXPECT_THAT(text, Not(HasSubstr("wall_over_best_peer")));
}

TEST(ThresholdTableTest, WhereNoneOfOursReachedItThereIsNoRatio) {
  const std::string text =
      Printed({{"sac", true, {NotReached(30)}}, {"sbx_sac", false, {Reached(60)}}});
  EXPECT_THAT(text, Not(HasSubstr("ours over")));
}

TEST(ThresholdTableTest, SidesThatHaveNotRunAreLeftOut) {
  EXPECT_THAT(Printed({{"sac", true, {Reached(30)}}, {"sbx_sac", false, {}}}),
              Not(HasSubstr("sbx_sac")));
}

}  // namespace
}  // namespace pmoe
