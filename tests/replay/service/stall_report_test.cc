#include "replay/service/stall_report.h"

#include <gmock/gmock.h>

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ShardStats Waiting(double inserts_s, double samples_s = 0.0) {
  ShardStats counts;
  counts.inserts_blocked.current = inserts_s;
  counts.samples_blocked.current = samples_s;
  return counts;
}

TEST(StallReportTest, SaysNothingOfShortWaits) {
  StallReport report;
  EXPECT_THAT(report.Look(Waiting(4.9, 4.9), "1 < 2"), IsEmpty());
}

TEST(StallReportTest, SaysOnceThatAWaitIsLongAndAgainWhenItHasDoubled) {
  StallReport report;
  EXPECT_THAT(report.Look(Waiting(5.1), "1 < 2"),
              ElementsAre("inserts have waited for 5 s: 1 < 2"));
  EXPECT_THAT(report.Look(Waiting(9.0), "1 < 2"), IsEmpty());
  EXPECT_THAT(report.Look(Waiting(10.0), "1 < 2"),
              ElementsAre("inserts have waited for 10 s: 1 < 2"));
  EXPECT_THAT(report.Look(Waiting(90.0), "1 < 2"),
              ElementsAre("inserts have waited for 90 s: 1 < 2"));
  EXPECT_THAT(report.Look(Waiting(91.0), "1 < 2"), IsEmpty());
}

TEST(StallReportTest, BeginsAgainWithTheNextWait) {
  StallReport report;
  report.Look(Waiting(0.0, 30.0), "1 < 2");
  report.Look(Waiting(0.0, 2.0), "1 < 2");
  EXPECT_THAT(report.Look(Waiting(0.0, 6.0), "1 < 2"),
              ElementsAre("samples have waited for 6 s: 1 < 2"));
}

TEST(StallReportTest, NamesBothSidesOfADeadlock) {
  StallReport report;
  EXPECT_THAT(
      report.Look(Waiting(6.0, 7.0), "1 < 2"),
      ElementsAre("inserts have waited for 6 s: 1 < 2", "samples have waited for 7 s: 1 < 2"));
}

}  // namespace
}  // namespace pmoe
