// Files of on-policy shards.
#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "tests/replay/core/rollout_testing.h"

namespace pmoe {
namespace {

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

class RolloutFileTest : public ::testing::Test {
 protected:
  RolloutFileTest() : shard_(MakeShard(OnPolicy(8, /*max_lag=*/3))) {
    EXPECT_OK(shard_->Insert(StepRows(0, 6, 0, 0, /*version=*/1), kAtOnce));
    EXPECT_OK(shard_->Insert(StepRows(1, 6, 0, 0, /*version=*/2), kAtOnce));
    EXPECT_OK(shard_->Insert(StepRows(0, 9, 1, 0, /*version=*/2), kAtOnce));
    shard_->CutActor(0, 1, 0);
    EXPECT_OK(shard_->Insert(StepRows(0, 7, 2, 0, /*version=*/2), kAtOnce));
    EXPECT_OK(shard_->TakeRollout({3, 4}, {.steps = 5, .version_min = 2}, kAtOnce));
    EXPECT_OK(shard_->Save(path_));
  }

  TempDir folder_;
  const std::string path_ = folder_.File("a.table");
  std::unique_ptr<ReplayShard> shard_;
};

TEST_F(RolloutFileTest, AShardThatCameBackGivesWhatItWouldHaveGiven) {
  auto loaded = MakeShard(OnPolicy(8, /*max_lag=*/3));
  ASSERT_OK(loaded->Load(path_));
  EXPECT_EQ(loaded->size(), shard_->size());
  EXPECT_EQ(loaded->inserted(), shard_->inserted());
  EXPECT_EQ(loaded->Stats().sampled, 5);
  EXPECT_THAT(loaded->Insert(StepRows(0, 1, 2), kAtOnce),
              FailsWith(absl::StatusCode::kAlreadyExists, "came before"));
  for (ReplayShard* const shard : {shard_.get(), loaded.get()}) {
    ASSERT_OK(shard->Insert(StepRows(1, 7, 2, 0, /*version=*/2), kAtOnce));
  }
  for (int i = 0; i < 2; ++i) {
    Rollout a, b;
    ASSERT_OK(shard_->TakeRollout({.steps = 6}, &a, kAtOnce));
    ASSERT_OK(loaded->TakeRollout({.steps = 6}, &b, kAtOnce));
    EXPECT_EQ(RowNames(a), RowNames(b));
    EXPECT_EQ(a.segments, b.segments);
    EXPECT_EQ(a.bootstrap_obs, b.bootstrap_obs);
    EXPECT_EQ(a.dropped, 6);
    EXPECT_EQ(b.dropped, 6);
  }
}

TEST_F(RolloutFileTest, TheRolloutThatMayNotHaveArrivedIsKept) {
  auto loaded = MakeShard(OnPolicy(8, /*max_lag=*/3));
  ASSERT_OK(loaded->Load(path_));
  const auto again = loaded->TakeRollout({3, 4}, {.steps = 5}, kAtOnce);
  ASSERT_OK(again);
  EXPECT_EQ(SegmentNames(**again), "1.0+5C");
  EXPECT_EQ((*again)->dropped, 6);
}

// The file has rows of version 1, which the take that waits has called too old.
TEST_F(RolloutFileTest, ATakeThatWaitsDuringALoadKeepsItsVersions) {
  auto older = MakeShard(OnPolicy(8, /*max_lag=*/3));
  ASSERT_OK(older->Insert(StepRows(0, 6, 0, 0, /*version=*/1), kAtOnce));
  ASSERT_OK(older->Save(path_));
  auto waiting = MakeShard(OnPolicy(8, /*max_lag=*/3));
  Rollout rollout;
  auto take = std::async(std::launch::async, [&] {
    return waiting->TakeRollout({.steps = 4, .version_min = 2}, &rollout, kLongWait);
  });
  AwaitBlocked(*waiting, kTakesOf);
  ASSERT_OK(waiting->Load(path_));
  ASSERT_OK(waiting->Insert(StepRows(1, 6, 0, 0, /*version=*/2), kAtOnce));
  EXPECT_OK(take.get());
  EXPECT_EQ(RowNames(rollout).front(), "0.0@6");
}

TEST_F(RolloutFileTest, AChangedFileIsDataLossAndChangesNothing) {
  const size_t bits = 8 * std::filesystem::file_size(path_);
  for (size_t bit = 3; bit < bits; bit += 997) {
    FlipBit(path_, bit);
    auto loaded = MakeShard(OnPolicy(8));
    EXPECT_THAT(loaded->Load(path_), FailsWith(absl::StatusCode::kDataLoss, path_));
    EXPECT_EQ(loaded->inserted(), 0);
    FlipBit(path_, bit);
  }
}

TEST_F(RolloutFileTest, ATruncatedFileIsDataLoss) {
  const int64_t size = static_cast<int64_t>(std::filesystem::file_size(path_));
  for (int64_t left = size - 1; left > 20; left -= 53) {
    std::filesystem::resize_file(path_, static_cast<uintmax_t>(left));
    EXPECT_THAT(MakeShard(OnPolicy(8))->Load(path_), FailsWith(absl::StatusCode::kDataLoss, path_));
  }
}

// The blocks of a file that an older version saved at a lockstep barrier, with two rows that
// waited.
TEST_F(RolloutFileTest, AnOlderFileGoesOnWithoutTheRowsThatWaited) {
  ASSERT_OK(MakeShard(OnPolicy(8))->Save(path_));
  auto reader = BlockFileReader::Open(path_);
  ASSERT_OK(reader);
  auto writer = BlockFileWriter::Create(folder_.File("old.table"));
  for (const uint32_t type : {kShardBlock, kTableBlock}) {
    ASSERT_OK((*writer)->Write(type, {(*reader)->Next()->payload}));
  }
  ByteWriter queue;
  for (const int32_t width : {2, 1, 1}) queue.Pod(width);
  for (const int64_t rows : {20, 3}) queue.Pod(rows);  // inserted, dropped
  queue.Pod(uint64_t{1});
  for (const uint32_t number : {0u, 0u, 5u}) queue.Pod(number);  // member, actor, epoch
  queue.Pod(uint64_t{1});
  for (const uint32_t number : {0u, 0u, 0u, 5u}) queue.Pod(number);  // … env, epoch
  queue.Pod(uint8_t{1});
  queue.Pod(uint64_t{20});
  queue.Vector(std::vector<float>{1.0f, 2.0f});
  queue.Pod(uint64_t{1});
  ASSERT_OK((*writer)->Write(kOldQueueBlock, {queue.bytes()}));
  ByteWriter piece;
  piece.Pod(uint32_t{1});  // taken
  for (const uint32_t number : {0u, 0u, 5u}) piece.Pod(number);
  piece.Pod(uint64_t{4});
  piece.Pod(uint32_t{0});
  for (const uint64_t number : {17u, 0u}) piece.Pod(number);
  piece.Pod(uint8_t{0});
  piece.Pod(uint32_t{3});  // rows; their columns follow
  ASSERT_OK((*writer)->Write(kOldQueuePieceBlock, {piece.bytes()}));
  ByteWriter rollout;
  for (const uint64_t number : {0u, 0u}) rollout.Pod(number);
  rollout.Pod(uint8_t{0});
  ASSERT_OK((*writer)->Write(kRolloutBlock, {rollout.bytes()}));
  ASSERT_OK((*writer)->Finish());

  auto loaded = MakeShard(OnPolicy(8));
  ASSERT_OK(loaded->Load(folder_.File("old.table")));
  EXPECT_EQ(loaded->inserted(), 20);
  EXPECT_EQ(loaded->size(), 0);
  ASSERT_OK(loaded->Insert(VersionChunk({.epoch = 5, .first_step = 20, .rows = 8}, 1), kAtOnce));
  Rollout taken;
  ASSERT_OK(loaded->TakeRollout({.steps = 8}, &taken, kAtOnce));
  EXPECT_EQ(taken.dropped, 5);

  ReplayShardOptions table;
  table.spec = kRolloutSpec;
  EXPECT_THAT(MakeShard(table)->Load(folder_.File("old.table")),
              FailsWith(kRefused, "this one keeps a table"));
  EXPECT_THAT(ReplayTable::FromFile(folder_.File("old.table")),
              FailsWith(kRefused, "November 2026"));
}

TEST_F(RolloutFileTest, OnPolicyNStepSaysNothing) {
  ReplayShardOptions options = OnPolicy(8);
  ASSERT_OK(MakeShard(options)->Save(path_));
  options.table.n_step = 5;
  EXPECT_OK(MakeShard(options)->Load(path_));
}

TEST_F(RolloutFileTest, AShardOfATableRefusesIt) {
  ReplayShardOptions options;
  options.spec = kRolloutSpec;
  EXPECT_THAT(MakeShard(options)->Load(path_), FailsWith(kRefused, "this one keeps a table"));
}

TEST_F(RolloutFileTest, ATableIsRefusedInItsTurn) {
  ReplayShardOptions options;
  options.spec = kRolloutSpec;
  ASSERT_OK(MakeShard(options)->Save(path_));
  EXPECT_THAT(shard_->Load(path_), FailsWith(kRefused, "this one keeps rollouts"));
}

}  // namespace
}  // namespace pmoe
