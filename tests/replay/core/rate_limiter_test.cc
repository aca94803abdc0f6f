#include "replay/core/rate_limiter.h"

#include <gtest/gtest.h>

#include <limits>

#include "common/base/rng.h"
#include "replay/core/chunk.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

TEST(RateLimiterTest, BlocksSamplesUntilMinSizeReached) {
  RateLimiter limiter({.min_size = 3, .samples_per_insert = 1.0});
  limiter.OnInsert(2);
  EXPECT_FALSE(limiter.CanSample(1));
  limiter.OnInsert(1);
  EXPECT_TRUE(limiter.CanSample(1));
}

TEST(RateLimiterTest, LetsInsertsThroughUpToMinSize) {
  RateLimiter limiter({.min_size = 1000, .samples_per_insert = 256, .error_window = 256});
  limiter.OnInsert(999);
  EXPECT_TRUE(limiter.CanInsert(1));
}

TEST(RateLimiterTest, BlocksInsertsAboveTheWindow) {
  RateLimiter limiter({.min_size = 10, .samples_per_insert = 2.0, .error_window = 4.0});
  limiter.OnInsert(12);  // surplus 2 * (12 - 10) = 4
  EXPECT_FALSE(limiter.CanInsert(1));
  limiter.OnSample(2);
  EXPECT_TRUE(limiter.CanInsert(1));
}

TEST(RateLimiterTest, TheInsertBoundIsWhereInsertsBlock) {
  for (const double r : {0.1, 1.0, 2.5, 256.0}) {
    RateLimiter limiter({.min_size = 10, .samples_per_insert = r, .error_window = 1000.0});
    Rng rng(1, RngRole::kReplay, 0);
    for (int i = 0; i < 100; ++i) {
      const int64_t room = limiter.InsertBound() - 64 * i;
      EXPECT_TRUE(limiter.CanInsert(room));
      EXPECT_FALSE(limiter.CanInsert(room + 2));
      limiter.OnSample(static_cast<int64_t>(rng.UniformInt(1000)));
      limiter.OnInsert(64);
    }
  }
}

TEST(RateLimiterTest, BlocksSamplesBelowTheWindow) {
  RateLimiter limiter({.min_size = 10, .samples_per_insert = 2.0, .error_window = 4.0});
  limiter.OnInsert(10);
  limiter.OnSample(4);  // surplus -4
  EXPECT_FALSE(limiter.CanSample(1));
  limiter.OnInsert(1);
  EXPECT_TRUE(limiter.CanSample(2));
}

TEST(RateLimiterTest, OwesNoSamplesForTheWarmUp) {
  RateLimiter limiter({.min_size = 1000, .samples_per_insert = 1.0, .error_window = 5.0});
  limiter.OnInsert(1000);
  limiter.OnSample(5);
  EXPECT_FALSE(limiter.CanSample(1));
}

TEST(RateLimiterTest, RefusesAWindowInWhichBothSidesCouldWait) {
  const RateLimiterOptions options{
      .samples_per_insert = 4.0, .error_window = 100.0, .insert_max = 64, .sample_max = 32};
  EXPECT_THAT(options.Validate(), IsInvalid("limiter.error_window must be >= 256"));
}

TEST(RateLimiterTest, RefusesSettingsThatMeanNothing) {
  const auto kBad = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(RateLimiterOptions{.min_size = 0}.Validate(), FailsWith(kBad, "min_size"));
  EXPECT_THAT(RateLimiterOptions{.samples_per_insert = 0.0}.Validate(),
              FailsWith(kBad, "samples_per_insert"));
  EXPECT_THAT(RateLimiterOptions{.error_window = -1.0}.Validate(), FailsWith(kBad, "error_window"));
  EXPECT_THAT(
      RateLimiterOptions{.samples_per_insert = std::numeric_limits<double>::infinity()}.Validate(),
      FailsWith(kBad, "samples_per_insert must be in [1e-09, 1e+09]"));
  EXPECT_THAT(RateLimiterOptions{.min_size = kRowsMax + 1}.Validate(),
              FailsWith(kBad, "no run has so many rows"));
  EXPECT_THAT(RateLimiterOptions{.sample_max = 0}.Validate(), FailsWith(kBad, "sample_max"));
}

TEST(RateLimiterTest, NeverBlocksBothSidesAtOnce) {
  Rng rng(1, RngRole::kReplay, 0);
  for (int trial = 0; trial < 200; ++trial) {
    RateLimiterOptions options{.min_size = 1 + static_cast<int64_t>(rng.UniformInt(50)),
                               .samples_per_insert = 0.05 + 8.0 * rng.Uniform(),
                               .insert_max = 1 + static_cast<int64_t>(rng.UniformInt(64)),
                               .sample_max = 1 + static_cast<int64_t>(rng.UniformInt(64))};
    options.error_window = std::max(options.samples_per_insert * options.insert_max,
                                    static_cast<double>(options.sample_max));
    RateLimiter limiter(options);
    for (int step = 0; step < 200; ++step) {
      const int64_t insert = 1 + static_cast<int64_t>(rng.UniformInt(options.insert_max));
      const int64_t sample = 1 + static_cast<int64_t>(rng.UniformInt(options.sample_max));
      const bool can_insert = limiter.CanInsert(insert);
      const bool can_sample = limiter.CanSample(sample);
      ASSERT_TRUE(can_insert || can_sample) << limiter.Explain();
      if (can_insert && (!can_sample || rng.NextU32() % 2 == 0)) {
        limiter.OnInsert(insert);
      } else {
        limiter.OnSample(sample);
      }
    }
  }
}

TEST(RateLimiterTest, ExplainsWhichSideIsBlockedWithItsNumbers) {
  RateLimiter limiter({.min_size = 3, .samples_per_insert = 2.0, .error_window = 4.0});
  limiter.OnInsert(2);
  EXPECT_THAT(limiter.Explain(), HasSubstr("samples are blocked: 2 inserted < min_size 3"));
  limiter.OnInsert(3);
  EXPECT_THAT(limiter.Explain(),
              HasSubstr("inserts are blocked: surplus 2 * (5 - 3) - 0 = 4, plus 2 * 1"));
  limiter.OnSample(4);
  EXPECT_THAT(limiter.Explain(), HasSubstr("neither side is blocked"));
  limiter.OnSample(4);
  EXPECT_THAT(limiter.Explain(), HasSubstr("samples are blocked: surplus 2 * (5 - 3) - 8 = -4"));
}

TEST(RateLimiterTest, KeepsItsCountsAcrossARestart) {
  const RateLimiterOptions options{.min_size = 3, .samples_per_insert = 2.0, .error_window = 4.0};
  RateLimiter limiter(options);
  limiter.OnInsert(7);
  limiter.OnSample(5);
  ByteWriter out;
  limiter.SaveState(&out);
  RateLimiter restored(options);
  ByteReader in(out.bytes());
  ASSERT_OK(restored.LoadState(&in));
  EXPECT_EQ(restored.Explain(), limiter.Explain());
}

}  // namespace
}  // namespace pmoe
