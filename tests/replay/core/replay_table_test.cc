// Single behaviours of the table; replay_table_model_test.cc holds it against a model under random
// use.
#include "replay/core/replay_table.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 3, .action_dim = 2, .extra_dim = 1};
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr auto kBad = absl::StatusCode::kInvalidArgument;

ReplayTable MakeTable(const ReplayTableOptions& options) {
  auto table = ReplayTable::Create(kSpec, options);
  EXPECT_OK(table);
  return *std::move(table);
}

// First observation components of every row that 40 batches of 64 meet.
std::set<float> SampledObs(ReplayTable& table) {
  Rng rng(3, RngRole::kReplay, 0);
  Minibatch batch(kSpec, 64);
  std::set<float> seen;
  for (int i = 0; i < 40; ++i) {
    EXPECT_OK(table.Sample(&rng, &batch));
    for (int b = 0; b < 64; ++b) seen.insert(batch.obs()[b * kSpec.obs_dim]);
  }
  return seen;
}

// The one row that a table with one eligible row gives.
struct Row {
  float reward, discount, next_obs;
};
Row OnlyRow(ReplayTable& table) {
  Rng rng(3, RngRole::kReplay, 0);
  Minibatch batch(kSpec, 1);
  EXPECT_OK(table.Sample(&rng, &batch));
  return {batch.reward()[0], batch.discount()[0], batch.next_obs()[0]};
}

TEST(ReplayTableTest, SamplesEveryStepAtOnce) {
  ReplayTable table = MakeTable({.capacity = 1000});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.rows = 3})));
  EXPECT_EQ(table.size(), 3);
  EXPECT_THAT(SampledObs(table), ::testing::ElementsAre(0.0f, 1.0f, 2.0f));
}

TEST(ReplayTableTest, GivesEveryColumnOfARow) {
  ReplayTable table = MakeTable({.capacity = 1000, .gamma = 0.5});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.actor = 1, .first_step = 7, .rows = 1})));
  Rng rng(1, RngRole::kReplay, 0);
  Minibatch batch(kSpec, 1);
  ASSERT_OK(table.Sample(&rng, &batch));
  const float obs = ObsValue(1, 0, 7);
  EXPECT_THAT(absl::MakeSpan(batch.obs(), 3),
              ::testing::ElementsAre(obs, obs + 0.125f, obs + 0.25f));
  EXPECT_THAT(absl::MakeSpan(batch.action(), 2), ::testing::ElementsAre(-7.0f, -8.0f));
  EXPECT_THAT(absl::MakeSpan(batch.next_obs(), 3),
              ::testing::ElementsAre(obs + 1.0f, obs + 1.125f, obs + 1.25f));
  EXPECT_EQ(batch.reward()[0], 7.0f);
  EXPECT_EQ(batch.discount()[0], 0.5f);
  EXPECT_EQ(batch.policy_version()[0], 7u);
}

TEST(ReplayTableTest, BootstrapsAtTruncationAndNotAtTermination) {
  for (const bool terminated : {false, true}) {
    ReplayTable table = MakeTable({.capacity = 1000, .gamma = 0.5});
    ASSERT_OK(table.Append(
        MakeChunk(kSpec, {.rows = 1, .terminated = terminated, .truncated = !terminated})));
    EXPECT_EQ(OnlyRow(table).discount, terminated ? 0.0f : 0.5f);
  }
}

TEST(ReplayTableTest, TerminationWinsOverTruncationInTheSameStep) {
  ReplayTable table = MakeTable({.capacity = 1000});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.rows = 1, .terminated = true, .truncated = true})));
  EXPECT_EQ(OnlyRow(table).discount, 0.0f);
}

TEST(ReplayTableTest, SumsNRewardsAndLooksNStepsAhead) {
  ReplayTable table = MakeTable({.capacity = 1000, .n_step = 3, .gamma = 0.5});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = 10, .rows = 3})));
  const Row row = OnlyRow(table);
  EXPECT_EQ(row.reward, 10.0f + 0.5f * 11.0f + 0.25f * 12.0f);
  EXPECT_EQ(row.discount, 0.125f);
  EXPECT_EQ(row.next_obs, 13.0f);
}

TEST(ReplayTableTest, WaitsForTheRewardsOfAShortTail) {
  ReplayTable table = MakeTable({.capacity = 1000, .n_step = 3});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.rows = 2})));
  EXPECT_EQ(table.size(), 2);
  EXPECT_EQ(table.eligible(), 0);
  Rng rng(1, RngRole::kReplay, 0);
  Minibatch batch(kSpec, 1);
  EXPECT_THAT(table.Sample(&rng, &batch), FailsWith(kRefused, "none has all 3 rewards yet"));
}

TEST(ReplayTableTest, StopsTheRewardsOfNStepsAtATermination) {
  ReplayTable table = MakeTable({.capacity = 1000, .n_step = 3, .gamma = 0.5});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = 10, .rows = 1, .terminated = true})));
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = 11, .rows = 1})));
  const Row row = OnlyRow(table);
  EXPECT_EQ(row.reward, 10.0f);
  EXPECT_EQ(row.discount, 0.0f);
}

TEST(ReplayTableTest, BootstrapsWithFewerStepsAtATruncation) {
  ReplayTable table = MakeTable({.capacity = 1000, .n_step = 5, .gamma = 0.5});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = 1, .rows = 1, .truncated = true})));
  const Row row = OnlyRow(table);
  EXPECT_EQ(row.discount, 0.5f);
  EXPECT_EQ(row.next_obs, 2.0f);
}

TEST(ReplayTableTest, TreatsACutAsATruncation) {
  ReplayTable table = MakeTable({.capacity = 1000, .n_step = 5, .gamma = 0.5});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = 1, .rows = 1})));
  EXPECT_EQ(table.eligible(), 0);
  table.CutActor(0, 0);
  EXPECT_EQ(table.eligible(), 1);
  EXPECT_EQ(OnlyRow(table).discount, 0.5f);
}

TEST(ReplayTableTest, NeverJoinsTheTwoSidesOfAGap) {
  ReplayTable table = MakeTable({.capacity = 1000, .n_step = 2, .gamma = 0.5});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = 0, .rows = 1})));
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = 5, .rows = 1})));
  EXPECT_EQ(table.size(), 2);
  const Row row = OnlyRow(table);  // step 0; step 5 still waits for its second reward
  EXPECT_EQ(row.reward, 0.0f);
  EXPECT_EQ(row.next_obs, 1.0f);
}

TEST(ReplayTableTest, RefusesAChunkThatDoesNotContinueItsStream) {
  ReplayTable table = MakeTable({.capacity = 1000});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.rows = 3})));
  Chunk next = MakeChunk(kSpec, {.first_step = 3, .rows = 1});
  next.observations[0] += 1.0f;
  EXPECT_THAT(table.Append(next), FailsWith(kBad, "not the successor"));
  EXPECT_THAT(table.Append(MakeChunk(kSpec, {.first_step = 2, .rows = 1})),
              FailsWith(absl::StatusCode::kAlreadyExists, "the next step of this stream is 3"));
  EXPECT_EQ(table.inserted(), 3);
}

TEST(ReplayTableTest, BeginsANewEpisodeWithAnyObservation) {
  ReplayTable table = MakeTable({.capacity = 1000});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.rows = 3, .terminated = true})));
  Chunk next = MakeChunk(kSpec, {.first_step = 3, .rows = 1});
  next.observations[0] = -1.0f;
  EXPECT_OK(table.Append(next));
  EXPECT_EQ(table.size(), 4);
}

TEST(ReplayTableTest, FencesAnOlderEpoch) {
  ReplayTable table = MakeTable({.capacity = 1000});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.epoch = 2, .rows = 3})));
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.epoch = 3, .rows = 1})));
  EXPECT_THAT(table.Append(MakeChunk(kSpec, {.epoch = 2, .first_step = 3, .rows = 1})),
              FailsWith(kRefused, "epoch 3 has taken this actor's place"));
  table.CutActor(0, 0);
  EXPECT_THAT(table.Append(MakeChunk(kSpec, {.epoch = 2, .first_step = 3, .rows = 1})),
              FailsWith(kRefused, "epoch 3"));
}

TEST(ReplayTableTest, ANewEpochCutsEveryStreamOfItsActor) {
  ReplayTable table = MakeTable({.capacity = 1000});
  for (uint32_t env = 0; env < 3; ++env) {
    ASSERT_OK(table.Append(MakeChunk(kSpec, {.env = env, .rows = 2})));
  }
  EXPECT_EQ(table.streams(), 3);
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.epoch = 1, .env = 1, .rows = 2})));
  EXPECT_EQ(table.streams(), 1);
  EXPECT_EQ(table.size(), 8);
}

TEST(ReplayTableTest, ABareMarkerOfANewEpochEndsTheOlderStreamsToo) {
  ReplayTable table = MakeTable({.capacity = 1000});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.rows = 2})));
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.epoch = 1, .rows = 0, .last_of_round = true})));
  EXPECT_EQ(table.streams(), 0);
  EXPECT_THAT(table.Append(MakeChunk(kSpec, {.rows = 0, .last_of_round = true})),
              FailsWith(kRefused, "epoch 1 has taken"));
  EXPECT_OK(table.Append(MakeChunk(kSpec, {.epoch = 1, .rows = 2})));
}

TEST(ReplayTableTest, EvictsTheOldestClosedPageAboveCapacity) {
  ReplayTable table = MakeTable({.capacity = 128});
  for (uint64_t step = 0; step < 128; step += 64) {
    ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = step, .rows = 64})));
  }
  EXPECT_EQ(table.size(), 128);
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = 128, .rows = 1})));
  EXPECT_EQ(table.size(), 65);
  EXPECT_EQ(*SampledObs(table).begin(), 64.0f);
  EXPECT_EQ(table.inserted(), 129);
}

TEST(ReplayTableTest, NeverEvictsAnOpenPage) {
  ReplayTable table = MakeTable({.capacity = 256});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.actor = 1, .rows = 2})));
  for (uint64_t step = 0; step < 64 * 20; step += 64) {
    ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = step, .rows = 64})));
    EXPECT_LE(table.size(), 256);
  }
  EXPECT_TRUE(SampledObs(table).contains(ObsValue(1, 0, 0)));
}

TEST(ReplayTableTest, KeepsWithinItsBytes) {
  const int64_t page_bytes = 64 * 4 * (3 + 2 + 1 + 3);
  ReplayTable table = MakeTable({.capacity = 100'000, .bytes_max = 5 * page_bytes});
  for (uint64_t step = 0; step < 64 * 30; step += 64) {
    ASSERT_OK(table.Append(MakeChunk(kSpec, {.first_step = step, .rows = 64})));
    EXPECT_LE(table.bytes(), 5 * page_bytes);
  }
  EXPECT_EQ(table.bytes(), 5 * page_bytes);
  EXPECT_EQ(table.size(), 4 * 64);  // the fifth page holds the head
}

TEST(ReplayTableTest, RefusesMoreStreamsThanItsLimitsHold) {
  ReplayTable table = MakeTable({.capacity = 256});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.env = 0})));
  ASSERT_OK(table.Append(MakeChunk(kSpec, {.env = 1})));
  EXPECT_THAT(table.Append(MakeChunk(kSpec, {.env = 2})),
              FailsWith(absl::StatusCode::kResourceExhausted, "replay.capacity must be >= 384"));
  EXPECT_EQ(table.size(), 2);

  ReplayTable small = MakeTable({.capacity = 1000, .bytes_max = 1000});
  EXPECT_THAT(small.Append(MakeChunk(kSpec, {})),
              FailsWith(absl::StatusCode::kResourceExhausted, "replay.bytes_max must be >= 4608"));
}

TEST(ReplayTableTest, AReturningActorDoesNotCountTwiceAsAStream) {
  ReplayTable table = MakeTable({.capacity = 256});
  for (uint32_t epoch = 0; epoch < 10; ++epoch) {
    ASSERT_OK(table.Append(MakeChunk(kSpec, {.epoch = epoch, .env = 0})));
    ASSERT_OK(table.Append(MakeChunk(kSpec, {.epoch = epoch, .env = 1})));
  }
  EXPECT_EQ(table.streams(), 2);
}

TEST(ReplayTableTest, NamesTheSettingThatIsOutOfRange) {
  EXPECT_THAT(ReplayTable::Create(kSpec, {.capacity = 127}), FailsWith(kBad, "replay.capacity"));
  EXPECT_THAT(ReplayTable::Create(kSpec, {.bytes_max = -1}), FailsWith(kBad, "replay.bytes_max"));
  EXPECT_THAT(ReplayTable::Create(kSpec, {.n_step = 0}), FailsWith(kBad, "replay.n_step"));
  EXPECT_THAT(ReplayTable::Create(kSpec, {.gamma = 1.01}), FailsWith(kBad, "gamma"));
  EXPECT_THAT(ReplayTable::Create({.obs_dim = 0, .action_dim = 1}, {}), FailsWith(kBad, "obs_dim"));
}

TEST(ReplayTableTest, RefusesABatchOfOtherColumns) {
  ReplayTable table = MakeTable({.capacity = 1000});
  ASSERT_OK(table.Append(MakeChunk(kSpec, {})));
  Rng rng(1, RngRole::kReplay, 0);
  Minibatch batch({.obs_dim = 4, .action_dim = 2}, 8);
  EXPECT_THAT(table.Sample(&rng, &batch), FailsWith(kBad, "other columns"));
}

TEST(ReplayTableTest, HoldsAMillionRowsInLittleMoreThanTheirPayload) {
  // HalfCheetah: 17 observations, 6 actions, reward, version and two flag bytes; episodes of 1000
  // steps.
  const TableSpec spec{.obs_dim = 17, .action_dim = 6};
  auto table = ReplayTable::Create(spec, {.capacity = 1'000'000});
  ASSERT_OK(table);
  Chunk chunk = MakeChunk(spec, {.rows = 50});
  for (uint64_t step = 0; step < 1'010'000; step += 50) {
    chunk.first_step = step;
    chunk.truncated.back() = (step + 50) % 1000 == 0;
    std::copy_n(chunk.observations.end() - 17, 17, chunk.observations.begin());
    ASSERT_OK(table->Append(chunk));
  }
  ASSERT_GT(table->size(), 999'900);
  const double payload = static_cast<double>(table->size()) * (4.0 * (17 + 6 + 1 + 1) + 2.0);
  EXPECT_LT(static_cast<double>(table->bytes()), 1.05 * payload);
}

TEST(ReplayTableTest, WhatIsSavedIsTheMomentOfItsBeginningWhateverIsAppendedMeanwhile) {
  const ReplayTableOptions options = {.capacity = 4 * kPageRows, .n_step = 3};
  const auto append = [](ReplayTable* table, uint64_t chunk) {
    ASSERT_OK(table->Append(MakeChunk(
        kSpec,
        {.seq = chunk, .first_step = chunk * 20, .rows = 20, .terminated = chunk % 5 == 4})));
  };
  const auto pages = [](const ReplayTable& table) {
    std::string bytes;
    CopiedPages some;
    while (table.NextPages(&some)) {
      for (const auto& [slot, page] : some.pages) absl::StrAppend(&bytes, slot, " ", page.id, " ");
      absl::StrAppend(&bytes, some.rows);
    }
    table.EndSave();
    return bytes;
  };
  for (uint64_t chunks = 1; chunks < 40; chunks += 6) {
    ReplayTable still = MakeTable(options), moving = MakeTable(options);
    for (uint64_t i = 0; i < chunks; ++i) append(&still, i), append(&moving, i);
    const TableSave begun = moving.BeginSave();
    // Enough to fill the open page, and to evict every page and use its slot again.
    for (uint64_t i = chunks; i < chunks + 30; ++i) append(&moving, i);
    EXPECT_EQ(begun.index, still.BeginSave().index);
    EXPECT_EQ(pages(moving), pages(still)) << chunks;
  }
}

}  // namespace
}  // namespace pmoe
