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

// The narrowest window that there may be.
RateLimiterOptions RandomOptions(Rng* rng, int64_t min_size_max) {
  RateLimiterOptions options{.min_size = 1 + static_cast<int64_t>(rng->UniformInt(min_size_max)),
                             .samples_per_insert = 0.05 + 8.0 * rng->Uniform(),
                             .insert_max = 1 + static_cast<int64_t>(rng->UniformInt(64)),
                             .sample_max = 1 + static_cast<int64_t>(rng->UniformInt(64))};
  options.error_window = std::max(options.samples_per_insert * options.insert_max,
                                  static_cast<double>(options.sample_max));
  return options;
}

TEST(RateLimiterTest, NeverBlocksBothSidesAtOnce) {
  Rng rng(1, RngRole::kReplay, 0);
  for (int trial = 0; trial < 200; ++trial) {
    const RateLimiterOptions options = RandomOptions(&rng, 50);
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

// Rows that may be sampled while none is inserted, one after the other.
int64_t SamplesAtOnce(RateLimiter limiter) {
  int64_t rows = 0;
  for (; limiter.CanSample(1); ++rows) limiter.OnSample(1);
  return rows;
}

int64_t InsertsAtOnce(RateLimiter limiter) {
  int64_t rows = 0;
  for (; limiter.CanInsert(1); ++rows) limiter.OnInsert(1);
  return rows;
}

TEST(RateLimiterTest, NeverBlocksBothSidesWhateverIsChangedPausedAndLoaded) {
  Rng rng(2, RngRole::kReplay, 0);
  for (int trial = 0; trial < 200; ++trial) {
    const RateLimiterOptions made_with = RandomOptions(&rng, 300);
    RateLimiter limiter(made_with);
    for (int step = 0; step < 300; ++step) {
      const RateLimiterOptions& options = limiter.options();
      const int64_t insert = 1 + static_cast<int64_t>(rng.UniformInt(options.insert_max));
      const int64_t sample = 1 + static_cast<int64_t>(rng.UniformInt(options.sample_max));
      const bool can_insert = limiter.CanInsert(insert);
      const bool can_sample = limiter.CanSample(sample);
      ASSERT_TRUE(can_insert || can_sample) << limiter.Explain();
      ASSERT_TRUE(!limiter.paused() || (can_insert && !can_sample));
      const uint64_t dice = rng.UniformInt(40);
      if (dice == 0) {
        limiter.Change(RandomOptions(&rng, 2000));
      } else if (dice == 1) {
        limiter.paused() ? limiter.Resume() : limiter.Pause("a test");
      } else if (dice == 2) {
        ByteWriter out;
        limiter.SaveState(&out);
        limiter = RateLimiter(made_with);
        ByteReader in(out.bytes());
        ASSERT_OK(limiter.LoadState(&in));
        limiter.Settle();
      } else if (can_insert && (!can_sample || rng.NextU32() % 2 == 0)) {
        limiter.OnInsert(insert);
      } else {
        limiter.OnSample(sample);
      }
    }
  }
}

// Half of a run at one sample a row, then at eight, and back: neither side makes up for the past.
TEST(RateLimiterTest, AChangeCountsAnew) {
  RateLimiter limiter({.min_size = 100, .samples_per_insert = 1.0, .error_window = 20.0});
  limiter.OnInsert(10'100);
  limiter.OnSample(10'000);
  for (const double r : {8.0, 1.0, 0.5}) {
    const RateLimiterOptions options{
        .min_size = 100, .samples_per_insert = r, .error_window = 40.0};
    limiter.Change(options);
    EXPECT_EQ(SamplesAtOnce(limiter), 40);
    EXPECT_EQ(InsertsAtOnce(limiter), static_cast<int64_t>(40 / r));
    limiter.OnInsert(1000);
    limiter.OnSample(static_cast<int64_t>(1000 * r));
  }
  limiter.Change({.min_size = 20'000, .samples_per_insert = 2.0, .error_window = 40.0});
  EXPECT_EQ(SamplesAtOnce(limiter), 0);
  EXPECT_EQ(InsertsAtOnce(limiter), 20'000 - 13'100 + 20);
}

TEST(RateLimiterTest, RowsOfAPauseAreAsIfTheyHadBeenThereBefore) {
  RateLimiter fresh({.min_size = 100, .samples_per_insert = 2.0, .error_window = 20.0});
  fresh.Pause("a test");
  EXPECT_TRUE(fresh.CanInsert(1'000'000));
  fresh.OnInsert(1'000'000);
  EXPECT_FALSE(fresh.CanSample(1));
  EXPECT_THAT(fresh.Explain(), HasSubstr("paused by a test: samples wait"));
  fresh.Resume();
  EXPECT_EQ(SamplesAtOnce(fresh), 20);
  EXPECT_EQ(InsertsAtOnce(fresh), 10);

  RateLimiter running({.min_size = 100, .samples_per_insert = 2.0, .error_window = 20.0});
  running.OnInsert(105);
  running.OnSample(3);
  const int64_t before = SamplesAtOnce(running);
  running.Pause("a test");
  running.OnInsert(500);
  running.Resume();
  EXPECT_EQ(SamplesAtOnce(running), before);
}

TEST(RateLimiterTest, AfterARestartNeitherSideOwesMoreThanAWindow) {
  const RateLimiterOptions options{
      .min_size = 100, .samples_per_insert = 2.0, .error_window = 20.0};
  const auto after = [&options](int64_t inserted, int64_t sampled) {
    RateLimiter limiter(options);
    limiter.OnInsert(inserted);
    limiter.OnSample(sampled);
    limiter.Settle();
    return limiter;
  };
  EXPECT_EQ(SamplesAtOnce(after(100'000, 0)), 40);  // as far as the other end of the window
  EXPECT_EQ(InsertsAtOnce(after(100'000, 0)), 0);
  EXPECT_EQ(SamplesAtOnce(after(200, 100'000)), 0);
  EXPECT_EQ(InsertsAtOnce(after(200, 100'000)), 20);
  EXPECT_EQ(InsertsAtOnce(after(50, 100'000)), 60) << "of settings with a smaller min_size";
  EXPECT_EQ(SamplesAtOnce(after(200, 195)), 25);
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
