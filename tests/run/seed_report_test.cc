#include "run/seed_report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pmoe {
namespace {

TEST(SeedReportTest, EachLineComesBackAndAFailureKeepsItsFirstLine) {
  const std::string text = SeedReportLine({3, SeedEvent::kBegun, ""}) +
                           SeedReportLine({3, SeedEvent::kFailed, "no disk\nfree some"}) +
                           SeedReportLine({18446744073709551615u, SeedEvent::kEnded, ""});
  EXPECT_EQ(text, "begun 3\nfailed 3 no disk\nended 18446744073709551615\n");
  const std::vector<SeedReport> reports = ParseSeedReports(text);
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[1].event, SeedEvent::kFailed);
  EXPECT_EQ(reports[1].failure, "no disk");
  EXPECT_EQ(reports[2].seed, 18446744073709551615u);
}

TEST(SeedReportTest, OtherLinesAndOneThatIsNotWholeAreLeftOut) {
  EXPECT_THAT(ParseSeedReports("started 3\nbegun x\nbegun\n\nbegun 4"), ::testing::IsEmpty());
}

}  // namespace
}  // namespace pmoe
