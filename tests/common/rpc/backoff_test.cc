#include "common/rpc/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pmoe {
namespace {

constexpr int kDraws = 2000;

Backoff MakeBackoff(uint64_t seed) { return Backoff(Rng(seed, RngRole::kBackoff, 0)); }

TEST(BackoffTest, EachWaitIsPositiveAndWithinItsBound) {
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    Backoff backoff = MakeBackoff(seed);
    double bound_s = 0.2;
    for (int attempt = 0; attempt < 12; ++attempt) {
      const int64_t wait_ms = backoff.Next().count();
      ASSERT_GE(wait_ms, 1);
      ASSERT_LE(wait_ms, 1000.0 * bound_s + 1.0) << "attempt " << attempt;
      bound_s = std::min(1.6 * bound_s, 10.0);
    }
  }
}

// Full jitter: the mean is half the bound, and the whole interval is used.
TEST(BackoffTest, WaitsAreSpreadOverTheWholeInterval) {
  double sum_ms = 0.0;
  int64_t least_ms = 200, most_ms = 0;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const int64_t wait_ms = MakeBackoff(seed).Next().count();
    sum_ms += static_cast<double>(wait_ms);
    least_ms = std::min(least_ms, wait_ms);
    most_ms = std::max(most_ms, wait_ms);
  }
  EXPECT_NEAR(sum_ms / kDraws, 100.0, 5.0);  // four standard errors: 4 * 200 / sqrt(12 * 2000)
  EXPECT_LT(least_ms, 10);
  EXPECT_GT(most_ms, 190);
}

TEST(BackoffTest, NeverWaitsLongerThanTenSeconds) {
  Backoff backoff = MakeBackoff(1);
  int64_t most_ms = 0;
  for (int attempt = 0; attempt < kDraws; ++attempt) {
    most_ms = std::max<int64_t>(most_ms, backoff.Next().count());
  }
  EXPECT_LE(most_ms, 10'001);
  EXPECT_GT(most_ms, 9'000);
}

TEST(BackoffTest, StartsShortAgainAfterASuccess) {
  Backoff backoff = MakeBackoff(2);
  for (int i = 0; i < kDraws; ++i) {
    for (int attempt = 0; attempt < 4; ++attempt) backoff.Next();
    backoff.Reset();
    ASSERT_LE(backoff.Next().count(), 201);
    backoff.Reset();
  }
}

}  // namespace
}  // namespace pmoe
