// Who waits for whom in a shard with a limiter: for rows that are lacking, while its settings
// change and while it is paused.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "replay/core/replay_shard.h"
#include "tests/replay/core/shard_testing.h"
#include "tests/replay/replay_testing.h"
#include "tests/testing/eventually.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1};

std::unique_ptr<ReplayShard> MakeShard(const ReplayShardOptions& options = {}) {
  return ShardOf(kSpec, 2000, options);
}

Chunk Rows(uint64_t seq, uint32_t rows) {
  return MakeChunk(kSpec, {.seq = seq, .first_step = seq * rows, .rows = rows});
}

RateLimiterOptions Narrow() {
  return {.samples_per_insert = 1.0, .error_window = 64.0, .insert_max = 64, .sample_max = 16};
}

// With rows that can be given once, and only when 19 others follow: of 64 there are 13 left after
// two samples, and the limiter has no room for a chunk. Without a rule of its own nobody ever
// moves.
class LackingRowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(shard_->Insert(Rows(0, 64), kNow));
    for (int i = 0; i < 2; ++i) ASSERT_OK(shard_->Sample(&batch_, kNow));
    ASSERT_THAT(shard_->Insert(Rows(1, 64), kNow), FailsWith(kLate, "no room to insert"));
  }

  std::unique_ptr<ReplayShard> shard_ =
      MakeShard({.table = {.n_step = 20, .max_times_sampled = 1}, .gate = {.limiter = Narrow()}});
  Minibatch batch_{kSpec, 16};
};

TEST_F(LackingRowsTest, ASampleThatLacksRowsSaysSo) {
  EXPECT_THAT(shard_->Sample(&batch_, kNow),
              FailsWith(kLate,
                        "samples wait for rows: a minibatch has 16 rows; with "
                        "replay.max_times_sampled 1 those that are held can be given 13"));
}

TEST_F(LackingRowsTest, ASampleThatLacksRowsIsFollowedByAnInsert) {
  std::atomic<bool> waits = false;
  std::thread sample([&] {
    EXPECT_OK(shard_->Sample(&batch_, WaitLimit(kLong, [&] {
      waits = true;
      return false;
    })));
  });
  EXPECT_TRUE(Eventually([&] { return waits.load(); }));
  EXPECT_OK(shard_->Insert(Rows(1, 64), kLong));
  sample.join();
}

TEST_F(LackingRowsTest, AnInsertThatWaitsGoesOnceASampleLacksRows) {
  std::atomic<bool> waits = false;
  std::thread insert([&] {
    EXPECT_OK(shard_->Insert(Rows(1, 64), WaitLimit(kLong, [&] {
                               waits = true;
                               return false;
                             })));
  });
  EXPECT_TRUE(Eventually([&] { return waits.load(); }));
  EXPECT_OK(shard_->Sample(&batch_, kLong));
  insert.join();
}

TEST(ReplayShardLimiterTest, ALimiterThatWantsRowsMoreOftenThanTheyAreGivenIsRefused) {
  ReplayShardOptions options{.spec = kSpec, .gate = {.limiter = Narrow()}};
  options.table.max_times_sampled = 2;
  options.gate.limiter->samples_per_insert = 2.0;
  options.gate.limiter->error_window = 0;
  EXPECT_OK(options.Validate());
  options.gate.limiter->samples_per_insert = 2.5;
  EXPECT_THAT(options.Validate(), IsInvalid("limiter.samples_per_insert must be <= "
                                            "replay.max_times_sampled 2, got 2.5"));
}

TEST(ReplayShardLimiterTest, AChangeOfTheLimiterLetsWhoeverWaitsGoOn) {
  auto shard = MakeShard({.gate = {.limiter = Narrow()}});
  ASSERT_OK(shard->Insert(Rows(0, 64), kNow));
  std::atomic<bool> waits = false;
  std::thread insert([&] {
    EXPECT_OK(shard->Insert(Rows(1, 64), WaitLimit(kLong, [&] {
                              waits = true;
                              return false;
                            })));
  });
  EXPECT_TRUE(Eventually([&] { return waits.load(); }));
  const auto state = shard->SetLimiter({.error_window = 1000.0}, "a test");
  ASSERT_OK(state);
  EXPECT_EQ(state->options.error_window, 1000.0);
  EXPECT_EQ(state->options.samples_per_insert, 1.0);
  insert.join();
}

TEST(ReplayShardLimiterTest, ALimiterThatIsPausedTakesRowsAndGivesNoneUntilItIsResumed) {
  auto shard = MakeShard({.gate = {.limiter = Narrow()}});
  ASSERT_OK(shard->SetLimiter({.paused = true}, "a test"));
  for (int i = 0; i < 20; ++i) ASSERT_OK(shard->Insert(Rows(i, 64), kNow));
  Minibatch batch(kSpec, 16);
  EXPECT_THAT(shard->Sample(&batch, kNow), FailsWith(kLate, "paused by a test: samples wait"));
  std::atomic<bool> waits = false;
  std::thread sample([&] {
    EXPECT_OK(shard->Sample(&batch, WaitLimit(kLong, [&] {
      waits = true;
      return false;
    })));
  });
  EXPECT_TRUE(Eventually([&] { return waits.load(); }));
  ASSERT_OK(shard->SetLimiter({.paused = false}, "a test"));
  sample.join();
  EXPECT_EQ(shard->Stats().sampled, 16);
}

TEST(ReplayShardLimiterTest, AChangeThatStopsBothSidesIsRefusedAndChangesNothing) {
  auto shard = MakeShard({.table = {.max_times_sampled = 4}, .gate = {.limiter = Narrow()}});
  const std::string before = shard->Explain();
  EXPECT_THAT(shard->SetLimiter({.samples_per_insert = 2.0, .paused = true}, "a test"),
              IsInvalid("limiter.error_window must be >= 128"));
  EXPECT_THAT(shard->SetLimiter({.min_size = 0}, "a test"), IsInvalid("limiter.min_size"));
  EXPECT_THAT(shard->SetLimiter({.samples_per_insert = 5.0, .error_window = 0.0}, "a test"),
              IsInvalid("must be <= replay.max_times_sampled 4, got 5"));
  EXPECT_EQ(shard->Explain(), before);
}

TEST(ReplayShardLimiterTest, WhatAShardWasMadeWithHoldsAgainAfterAReset) {
  auto shard = MakeShard({.gate = {.limiter = Narrow()}});
  const std::string before = shard->Explain();
  ASSERT_OK(shard->SetLimiter({.min_size = 7, .paused = true}, "a test"));
  EXPECT_NE(shard->Explain(), before);
  shard->ResetLimiter();
  EXPECT_EQ(shard->Explain(), before);
}

TEST(ReplayShardLimiterTest, WhereThereIsNoLimiterThereIsNoneToChange) {
  EXPECT_THAT(MakeShard()->SetLimiter({.paused = true}, "a test"),
              FailsWith(kRefused, "in lockstep the rounds decide"));
  EXPECT_THAT(MakeShard({.gate = {.granted_inserts = true}})->SetLimiter({}, "a test"),
              FailsWith(kRefused, "the learner limits"));
  EXPECT_THAT(
      MakeShard({.table = {.fifo = FifoOptions{.rollout_steps = 64}}})->SetLimiter({}, "a test"),
      FailsWith(kRefused, "schedule.max_lag holds actors back"));
}

}  // namespace
}  // namespace pmoe
