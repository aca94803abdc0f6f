// Sequences through a shard: what its limiter makes of them, and who waits for what.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "replay/core/replay_shard.h"
#include "tests/replay/core/shard_testing.h"
#include "tests/replay/replay_testing.h"
#include "tests/testing/eventually.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};

std::unique_ptr<ReplayShard> MakeShard(const ReplayShardOptions& options = {}) {
  return ShardOf(kSpec, 1000, options);
}

Chunk Episode(uint64_t seq, uint32_t rows) {
  return MakeChunk(kSpec, {.seq = seq, .first_step = seq * rows, .rows = rows, .terminated = true});
}

// Of one chunk, and of a minibatch of 64 rows.
RateLimiterOptions Narrow() {
  return {.samples_per_insert = 1.0, .error_window = 64.0, .insert_max = 64, .sample_max = 64};
}

TEST(ReplayShardSequencesTest, TheLimiterCountsTheRowsThatWereGivenAndNotWhatFillsUp) {
  auto shard = MakeShard({.gate = {.limiter = Narrow()}});
  for (uint64_t seq = 0; seq < 8; ++seq) ASSERT_OK(shard->Insert(Episode(seq, 4), kNow));
  Minibatch batch(kSpec, {.size = 4, .sequence_rows = 16});
  int64_t given = 0;
  // Of 64 rows each, by which alone two would be through with the surplus of 31.
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(shard->Sample(&batch, kNow));
    EXPECT_LE(batch.given_rows(), 16);
    given += batch.given_rows();
    EXPECT_EQ(shard->Stats().sampled, given);
    if (given > 31) break;
  }
  EXPECT_THAT(shard->Explain(), ::testing::HasSubstr(absl::StrCat(given, " sampled")));
}

TEST(ReplayShardSequencesTest, OneIsDrawnOnlyWhereAllOfItsRowsWouldFit) {
  auto shard = MakeShard({.gate = {.limiter = Narrow()}});
  ASSERT_OK(shard->Insert(Episode(0, 64), kNow));
  Minibatch row(kSpec, 64), whole(kSpec, {.size = 1, .sequence_rows = 64});
  Minibatch few(kSpec, {.size = 1, .sequence_rows = 63});
  ASSERT_OK(shard->Sample(&row, kNow));  // the surplus is -1 now
  EXPECT_THAT(shard->Sample(&whole, kNow),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "nothing may be sampled"));
  EXPECT_OK(shard->Sample(&few, kNow));
}

TEST(ReplayShardSequencesTest, MoreRowsThanTheLimiterKnowsOfAreRefused) {
  auto shard = MakeShard({.gate = {.limiter = Narrow()}});
  Minibatch batch(kSpec, {.size = 5, .sequence_rows = 13});
  EXPECT_THAT(shard->Sample(&batch, kNow),
              IsInvalid("limiter.sample_max is 64, less than the batch of 65 rows"));
}

// Seconds for which 16 sequences of 64 rows in all waited for 6 more first rows.
double WaitForFirstRows() {
  auto shard = MakeShard({.table = {.max_times_sampled = 1}, .gate = {.limiter = Narrow()}});
  EXPECT_OK(shard->Insert(Episode(0, 10), kNow));
  Minibatch batch(kSpec, {.size = 16, .sequence_rows = 4});
  absl::Status sampled;
  std::thread learner([&] { sampled = shard->Sample(&batch, kLong); });
  EXPECT_TRUE(Eventually([&] { return shard->Stats().samples_blocked.current > 0.0; }));
  EXPECT_THAT(shard->Explain(), ::testing::HasSubstr("samples wait for rows: "));
  EXPECT_OK(shard->Insert(Episode(1, 10), kLong));
  learner.join();
  EXPECT_OK(sampled);
  EXPECT_EQ(shard->size(), 4);
  return shard->Stats().samples_blocked.total;
}

// It waits for first rows, and not for as many as all its sequences have: whoever is not woken
// looks again after a second. On a busy machine a wait may be long for other reasons.
TEST(ReplayShardSequencesTest, AWaitForRowsEndsWithTheFirstRowsThatItLacks) {
  double shortest_s = WaitForFirstRows();
  for (int i = 0; i < 4 && shortest_s >= 1.0; ++i) {
    shortest_s = std::min(shortest_s, WaitForFirstRows());
  }
  EXPECT_LT(shortest_s, 1.0);
}

TEST(ReplayShardSequencesTest, PrioritiesAreOfTheirFirstRows) {
  auto shard = MakeShard({.table = {.priority = PriorityOptions{.alpha = 1.0}}});
  ASSERT_OK(shard->Insert(Episode(0, 50), kNow));
  Minibatch batch(kSpec, {.size = 8, .sequence_rows = 5, .prioritized = true});
  ASSERT_OK(shard->Sample(&batch, kNow));
  // All but one are made as unlikely as can be: it alone comes then.
  std::vector<RowKey> keys;
  for (uint32_t row = 0; row < 50; ++row) keys.push_back({row, batch.key()[0].generation});
  std::vector<float> errors(50, 0.0f);
  errors[17] = 1e6f;
  ASSERT_OK(shard->UpdatePriorities(keys, errors));
  ASSERT_OK(shard->Sample(&batch, kNow));
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(batch.obs()[5 * i], 17.0f);
    EXPECT_EQ(batch.key()[i].place, 17u);
    EXPECT_EQ(batch.weight()[i], 1.0f);
    EXPECT_EQ(batch.obs()[5 * i + 4], 21.0f);
  }
}

}  // namespace
}  // namespace pmoe
