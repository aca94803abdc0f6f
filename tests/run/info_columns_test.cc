// What environments tell at the end of their episodes: columns, state, and errors that end a run.
#include "run/info_columns.h"

#include <gmock/gmock.h>

#include "common/config/info_names.h"
#include "run/env_errors.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

InfoSums Episodes(const std::vector<std::map<std::string, double>>& episodes) {
  InfoSums sums;
  for (const auto& info : episodes) AddInfo(info, &sums);
  return sums;
}

TEST(InfoColumnsTest, MeansAreOfTheEpisodesThatSaidSomething) {
  InfoColumns info({"distance"});
  info.Add(Episodes({{{"success", 1}, {"distance", 2}}, {{"success", 0}}, {{"other", 9}}}));
  info.Add(Episodes({{{"success", 0}}, {{"success", 0}, {"distance", 5}}}));
  MetricRow row;
  info.AddTo(&row);
  EXPECT_THAT(row, UnorderedElementsAre(Pair("train_success_rate", 0.25),
                                        Pair("train_info_distance", 3.5)));
  MetricRow next;
  info.AddTo(&next);
  EXPECT_TRUE(next.empty());
  info.AddEvaluation({{"success", 0.5}, {"distance", 1}, {"other", 3}}, &next);
  EXPECT_THAT(next,
              UnorderedElementsAre(Pair("eval_success_rate", 0.5), Pair("eval_info_distance", 1)));
}

TEST(InfoColumnsTest, GoesOnFromItsStateAndLeavesWhatFollowsIt) {
  InfoColumns info({"distance"});
  info.Add(Episodes({{{"success", 1}, {"distance", 0.1}}, {{"success", 0}}}));
  ByteWriter out;
  info.SaveState(&out);
  out.Pod(uint32_t{77});
  const std::string bytes = out.Take();
  ByteReader in(bytes);
  InfoColumns back({"distance"});
  back.LoadState(&in);
  uint32_t follows = 0;
  in.Pod(&follows);
  EXPECT_EQ(follows, 77u);
  MetricRow row, wanted;
  back.AddTo(&row);
  info.AddTo(&wanted);
  EXPECT_EQ(row, wanted);
}

// Checkpoints of before have no such part: open rows may follow, or nothing.
TEST(InfoColumnsTest, AStateOfBeforeIsReadAsOneThatSaysNothing) {
  for (const bool has_rows : {false, true}) {
    ByteWriter out;
    if (has_rows) out.Pod(uint32_t{3});
    const std::string bytes = out.Take();
    ByteReader in(bytes);
    InfoColumns info({});
    info.LoadState(&in);
    EXPECT_TRUE(in.ok());
    EXPECT_EQ(in.remaining(), bytes.size());
  }
}

TEST(InfoColumnsTest, AReportHoldsSoManyNamesAtMost) {
  InfoSums sums;
  for (int i = 0; i < 100; ++i) AddInfo({{"n" + std::to_string(i), 1.0}}, &sums);
  EXPECT_EQ(sums.size(), kInfoNamesMax - 1);
  AddInfo({{"n0", 2.0}}, &sums);
  EXPECT_EQ(sums["n0"].sum, 3.0);
  AddInfo({{kSuccessInfo, 1.0}}, &sums);  // its place is kept for it
  EXPECT_EQ(sums[kSuccessInfo].sum, 1.0);
  EXPECT_EQ(sums.size(), kInfoNamesMax);
}

// A learner would refuse the report that they come with.
TEST(InfoColumnsTest, ValuesOfNoSenseAreLeftOut) {
  InfoSums sums;
  AddInfo(
      {{"huge", 1e300}, {"a\nb", 1.0}, {std::string(256, 'n'), 1.0}, {"\xe4", 1.0}, {"fine", 1.0}},
      &sums);
  EXPECT_EQ(sums.size(), 1);
  EXPECT_EQ(sums["fine"].sum, 1.0);
}

TEST(InfoNamesTest, AreReadFromOneText) {
  EXPECT_THAT(*InfoNames(""), ElementsAre());
  EXPECT_THAT(*InfoNames("success, distance,a/b.c-d_1"), ElementsAre("distance", "a/b.c-d_1"));
  EXPECT_THAT(InfoNames("a,,b"), IsInvalid("separated by commas"));
  EXPECT_THAT(InfoNames("a b"), IsInvalid("got \"a b\""));
  EXPECT_THAT(InfoNames("a,b,a"), IsInvalid("names a twice"));
}

ActorReport Failed(uint64_t times, const std::string& why) {
  ActorReport report;
  report.actor = 2;
  report.env_errors = times;
  report.env_error = why;
  return report;
}

TEST(EnvErrorsTest, TheFirstEndsARunThatWantsItSo) {
  EnvErrors errors(/*ends_run=*/true);
  EXPECT_FALSE(errors.Add(Failed(0, "")).has_value());
  EXPECT_OK(errors.Check());
  EXPECT_FALSE(errors.Add(Failed(1, "it broke")).has_value());  // Check says it
  EXPECT_THAT(errors.Check(),
              FailsWith(absl::StatusCode::kFailedPrecondition, "actor 2: it broke"));
}

TEST(EnvErrorsTest, AreToldAtTheFirstTheTenthAndSoOnWhereTheRunGoesOn) {
  EnvErrors errors(/*ends_run=*/false);
  EXPECT_THAT(*errors.Add(Failed(1, "it broke")), HasSubstr("failed 1 time, each ended"));
  EXPECT_FALSE(errors.Add(Failed(8, "again")).has_value());
  EXPECT_THAT(*errors.Add(Failed(2, "and again")), HasSubstr("failed 11 times"));
  EXPECT_OK(errors.Check());
}

}  // namespace
}  // namespace pmoe
