#include "replay/core/size_warnings.h"

#include <gmock/gmock.h>

#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kGiB = int64_t{1} << 30;
constexpr DiskSpace kRoomy{.free_bytes = 1000ull * kGiB, .total_bytes = 2000ull * kGiB};

ReplayShardOptions Wide() {
  ReplayShardOptions options;
  options.spec = {.obs_dim = 6000, .action_dim = 20};
  options.table.capacity = 1'000'000;
  return options;
}

TEST(SizeWarningsTest, AFullTableIsAsLargeAsFullSizeSays) {
  ReplayShardOptions options{.spec = {.obs_dim = 3, .action_dim = 1}};
  options.table.capacity = 640;
  auto shard = *ReplayShard::Create(options);
  for (uint64_t round = 0; round < 30; ++round) {
    ASSERT_OK(shard->Stage(MakeChunk(options.spec, {.seq = round,
                                                    .first_step = 64 * round,
                                                    .round = round,
                                                    .rows = 64,
                                                    .last_of_round = true})));
    ASSERT_OK(shard->Commit(round));
  }
  const int64_t bytes = shard->Stats().bytes;
  const TableSize full = FullSize(options);
  EXPECT_EQ(full.rows, 640);
  EXPECT_LE(full.bytes, bytes);  // the open page is beside the full ones
  EXPECT_GE(full.bytes, bytes * 10 / 12);
}

TEST(SizeWarningsTest, NoMoreRowsCountThanWillEverCome) {
  EXPECT_EQ(FullSize(Wide()).rows, 1'000'000);
  EXPECT_EQ(FullSize(Wide(), 3'000).rows, 3'000);
  EXPECT_LT(FullSize(Wide(), 3'000).bytes, kGiB / 10);
}

TEST(SizeWarningsTest, ALimitInBytesCounts) {
  ReplayShardOptions options = Wide();
  options.table.bytes_max = kGiB;
  EXPECT_EQ(FullSize(options).bytes, kGiB);
  EXPECT_LT(FullSize(options).rows, 50'000);
}

TEST(SizeWarningsTest, OnPolicyEachEnvironmentKeepsAPage) {
  ReplayShardOptions options{.spec = {.obs_dim = 3, .action_dim = 1}};
  options.table.fifo = FifoOptions{.rollout_steps = 128, .max_lag = 0};
  auto shard = *ReplayShard::Create(options);
  for (uint32_t env = 0; env < 128; ++env) {
    ASSERT_OK(shard->Insert(MakeChunk(options.spec, {.env = env, .seq = env, .rows = 1}),
                            std::chrono::milliseconds(0)));
  }
  const TableSize full = FullSize(options, INT64_MAX, /*streams=*/128);
  EXPECT_GE(full.bytes, shard->Stats().bytes);
  EXPECT_LE(full.bytes, shard->Stats().bytes * 11 / 10);
}

TEST(SizeWarningsTest, OnPolicyHoldsRolloutsAlone) {
  ReplayShardOptions options = Wide();
  options.table.fifo = FifoOptions{.rollout_steps = 2048, .max_lag = 2};
  EXPECT_EQ(FullSize(options).rows, 3 * 2048);
}

TEST(SizeWarningsTest, WhatFitsIsNotSpokenOf) {
  EXPECT_THAT(SizeWarnings(FullSize(Wide()), 64 * kGiB, 2, 0, "runs/a", kRoomy), IsEmpty());
  EXPECT_THAT(SizeWarnings(FullSize(Wide()), 0, 2, 0, "runs/a", {}), IsEmpty());  // not known
}

TEST(SizeWarningsTest, NamesTheMemoryAndACapacityThatFits) {
  const auto warnings = SizeWarnings(FullSize(Wide()), 16 * kGiB, 2, 0, "runs/a", kRoomy);
  EXPECT_THAT(warnings, ElementsAre(AllOf(HasSubstr("22.4 GiB at 1000000 rows"),
                                          HasSubstr("may use 16.0 GiB"),
                                          HasSubstr("replay.capacity=570000 or less"))));
  ReplayShardOptions fits = Wide();
  fits.table.capacity = 570'000;
  EXPECT_THAT(SizeWarnings(FullSize(fits), 16 * kGiB, 2, 0, "runs/a", kRoomy), IsEmpty());
}

TEST(SizeWarningsTest, NamesTheDiskThatTheTablesAndTheStateNeed) {
  const DiskSpace disk{.free_bytes = 46ull * kGiB, .total_bytes = 100ull * kGiB};
  const TableSize full = FullSize(Wide());
  EXPECT_THAT(SizeWarnings(full, 64 * kGiB, 2, kGiB, "runs/a", disk), IsEmpty());
  EXPECT_THAT(SizeWarnings(full, 64 * kGiB, 2, 2 * kGiB, "runs/a", disk),
              ElementsAre(AllOf(HasSubstr("46.9 GiB in runs/a"), HasSubstr("46.0 GiB are free"))));
  EXPECT_THAT(SizeWarnings(full, 64 * kGiB, 4, 0, "runs/a", disk),
              ElementsAre(HasSubstr("89.7 GiB in runs/a (4 files of 1000000 rows")));
}

TEST(SizeWarningsTest, TheLogCountsOnTheDiskToo) {
  const DiskSpace disk{.free_bytes = 46ull * kGiB, .total_bytes = 100ull * kGiB};
  TableSize full = FullSize(Wide());
  full.log_bytes = kGiB;
  EXPECT_THAT(SizeWarnings(full, 64 * kGiB, 2, 0, "runs/a", disk), IsEmpty());
  full.log_bytes = 3 * kGiB;
  EXPECT_THAT(SizeWarnings(full, 64 * kGiB, 2, 0, "runs/a", disk),
              ElementsAre(AllOf(HasSubstr("47.9 GiB in runs/a"), HasSubstr("3.0 GiB of log"))));
}

}  // namespace
}  // namespace pmoe
