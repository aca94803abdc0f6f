#include "common/metrics/latency_histogram.h"

#include <algorithm>
#include <numeric>

#include "gmock/gmock.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using std::chrono::seconds;

class LatencyHistogramTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  LatencyHistogram histogram_{&clock_};
};

TEST_F(LatencyHistogramTest, QuantilesAreRightToAQuarter) {
  // 1 … 1000 ms: the quantiles are known.
  for (int ms = 1; ms <= 1000; ++ms) histogram_.Add(1e-3 * ms);
  const LatencyHistogram::Quantiles lately = histogram_.Lately();
  EXPECT_EQ(lately.count, 1000u);
  for (const auto& [found, exact] :
       {std::pair{lately.p50, 0.5}, std::pair{lately.p90, 0.9}, std::pair{lately.p99, 0.99}}) {
    EXPECT_GE(found, exact);
    EXPECT_LE(found, 1.3 * exact);
  }
  EXPECT_DOUBLE_EQ(lately.max, 1.0);
  EXPECT_LE(lately.p99, lately.max);
}

TEST_F(LatencyHistogramTest, WhatIsOutOfRangeIsCountedAtItsEnds) {
  for (const double odd : {-1.0, 0.0, 1e-9, 1e6}) histogram_.Add(odd);
  const LatencyHistogram::Quantiles lately = histogram_.Lately();
  EXPECT_EQ(lately.count, 4u);
  EXPECT_DOUBLE_EQ(lately.max, 1e6);
  EXPECT_LE(lately.p50, 1e-6);
  EXPECT_DOUBLE_EQ(lately.p99, 1e6);
}

TEST_F(LatencyHistogramTest, AMinuteLaterOnlyTheCountsSinceTheStartRemember) {
  histogram_.Add(5.0);
  clock_.Advance(seconds(31));
  EXPECT_EQ(histogram_.Lately().count, 1u);
  histogram_.Add(0.1);
  clock_.Advance(seconds(31));
  EXPECT_EQ(histogram_.Lately().count, 1u);
  EXPECT_DOUBLE_EQ(histogram_.Lately().max, 0.1);
  clock_.Advance(seconds(300));
  EXPECT_EQ(histogram_.Lately().count, 0u);
  const std::vector<double> events = histogram_.SinceStart().events;
  EXPECT_DOUBLE_EQ(std::accumulate(events.begin(), events.end(), 0.0), 2.0);
  EXPECT_DOUBLE_EQ(histogram_.SinceStart().sum_s, 5.1);
}

TEST_F(LatencyHistogramTest, EachEventIsInTheBucketThatItsTimeFallsInto) {
  const std::vector<double>& ends = LatencyHistogram::CoarseEnds_s();
  ASSERT_TRUE(std::is_sorted(ends.begin(), ends.end()));
  for (const double end : ends) histogram_.Add(0.99 * end);
  histogram_.Add(2.0 * ends.back());
  const std::vector<double> events = histogram_.SinceStart().events;
  EXPECT_THAT(events, ::testing::Each(1.0));
  EXPECT_EQ(events.size(), ends.size() + 1);
}

}  // namespace
}  // namespace pmoe
