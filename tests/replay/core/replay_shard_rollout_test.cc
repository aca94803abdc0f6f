// ReplayShard as an on-policy learner uses it: waits on both sides, rollouts asked for twice, and
// files.
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <thread>

#include "common/base/file.h"
#include "replay/core/replay_shard.h"
#include "tests/replay/core/rollout_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr auto kBad = absl::StatusCode::kInvalidArgument;
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr auto kLate = absl::StatusCode::kDeadlineExceeded;
constexpr milliseconds kNow{0};
constexpr milliseconds kLong{60'000};

ReplayShardOptions Options(int64_t steps, int max_lag = 0) {
  ReplayShardOptions options;
  options.spec = kRolloutSpec;
  options.on_policy = RolloutQueueOptions{.rollout_steps = steps, .max_lag = max_lag};
  return options;
}

std::unique_ptr<ReplayShard> MakeShard(const ReplayShardOptions& options) {
  auto shard = ReplayShard::Create(options);
  EXPECT_OK(shard);
  return *std::move(shard);
}

// Chunk `seq` of an actor whose chunks have `rows` rows of env 0.
Chunk Rows(uint64_t seq, uint32_t rows, uint32_t actor = 0, uint32_t epoch = 0,
           uint32_t version = 1) {
  return VersionChunk(
      {.actor = actor, .epoch = epoch, .seq = seq, .first_step = seq * rows, .rows = rows},
      version);
}

std::string Taken(ReplayShard* shard, const RolloutRequest& request) {
  Rollout rollout;
  const absl::Status status = shard->TakeRollout(request, &rollout, kNow);
  return status.ok() ? SegmentNames(rollout) : std::string(status.message());
}

// Waits until the shard says that somebody waits.
template <typename Blocked>
void AwaitBlocked(const ReplayShard& shard, Blocked blocked) {
  while (blocked(shard.Stats()).current == 0.0) std::this_thread::yield();
}
constexpr auto kInsertsOf = [](const ShardStats& stats) { return stats.inserts_blocked; };
constexpr auto kTakesOf = [](const ShardStats& stats) { return stats.samples_blocked; };

TEST(ReplayShardRolloutTest, CountsRowsWaitingTakenAndInserted) {
  auto shard = MakeShard(Options(8));
  ASSERT_OK(shard->Insert(Rows(0, 8), kNow));
  EXPECT_EQ(Taken(shard.get(), {.steps = 5}), "0.0+5C");
  const ShardStats stats = shard->Stats();
  EXPECT_EQ(stats.size, 3);
  EXPECT_EQ(stats.sampled, 5);
  EXPECT_EQ(stats.inserted, 8);
  EXPECT_EQ(stats.newest_version, 1u);
  EXPECT_GT(stats.bytes, 0);
}

TEST(ReplayShardRolloutTest, GivesNoMinibatches) {
  auto shard = MakeShard(Options(8));
  ASSERT_OK(shard->Insert(Rows(0, 8), kNow));
  Minibatch batch(kRolloutSpec, 4);
  EXPECT_THAT(shard->Sample(&batch), FailsWith(kRefused, "on-policy"));
}

TEST(ReplayShardRolloutTest, AShardOfATableGivesNoRollouts) {
  ReplayShardOptions options;
  options.spec = kRolloutSpec;
  EXPECT_THAT(Taken(MakeShard(options).get(), {.steps = 1}), HasSubstr("rows are sampled"));
}

TEST(ReplayShardRolloutTest, ALimiterBesideTheQueueIsRefused) {
  ReplayShardOptions options = Options(8);
  options.limiter = RateLimiterOptions{.insert_max = kPageRows};
  EXPECT_THAT(ReplayShard::Create(options), FailsWith(kBad, "neither a limiter"));
}

TEST(ReplayShardRolloutTest, ATakeThatRunsOutOfTimeSaysWhoIsMissing) {
  auto shard = MakeShard(Options(8));
  ASSERT_OK(shard->Insert(Rows(0, 8), kNow));
  ASSERT_OK(shard->Insert(Rows(0, 3, /*actor=*/1), kNow));
  Rollout rollout;
  EXPECT_THAT(shard->TakeRollout({.steps = 8}, &rollout, milliseconds(1)),
              FailsWith(kLate,
                        "no rollout after 1 ms: 11 rows wait for a rollout of 8 from 2 "
                        "environments; actor 1 env 0 has 3 of 4"));
}

TEST(ReplayShardRolloutTest, AnInsertThatRunsOutOfTimeSaysWhy) {
  auto shard = MakeShard(Options(8));
  ASSERT_OK(shard->Insert(Rows(0, 8), kNow));
  EXPECT_THAT(shard->Insert(Rows(1, 8), milliseconds(1)),
              FailsWith(kLate,
                        "no room to insert after 1 ms: inserts are blocked: 8 rows wait to "
                        "be taken; each of 1 environments may hold (1 + max_lag 0) * 8 = 8, "
                        "actor 0 env 0 has 8"));
  EXPECT_GT(shard->Stats().inserts_blocked.total, 0.0);
}

TEST(ReplayShardRolloutTest, ATakeWakesTheInsertThatWaitsForRoom) {
  auto shard = MakeShard(Options(8));
  ASSERT_OK(shard->Insert(Rows(0, 8), kNow));
  auto insert = std::async(std::launch::async, [&] { return shard->Insert(Rows(1, 8), kLong); });
  AwaitBlocked(*shard, kInsertsOf);
  EXPECT_EQ(Taken(shard.get(), {.steps = 8}), "0.0+8C");
  EXPECT_OK(insert.get());
  EXPECT_EQ(shard->size(), 8);
}

TEST(ReplayShardRolloutTest, TheLastRowsWakeTheTakeThatWaitsForThem) {
  auto shard = MakeShard(Options(8));
  ASSERT_OK(shard->Insert(Rows(0, 8), kNow));
  ASSERT_OK(shard->Insert(Rows(0, 1, /*actor=*/1), kNow));
  Rollout rollout;
  auto take = std::async(std::launch::async,
                         [&] { return shard->TakeRollout({.steps = 8}, &rollout, kLong); });
  AwaitBlocked(*shard, kTakesOf);
  for (uint64_t seq = 1; seq < 4; ++seq) {
    ASSERT_OK(shard->Insert(Rows(seq, 1, /*actor=*/1), kNow));
  }
  EXPECT_OK(take.get());
  EXPECT_EQ(SegmentNames(rollout), "0.0+4C 1.0+4C");
}

TEST(ReplayShardRolloutTest, AnActorThatIsCutCompletesTheRolloutThatWaitedForIt) {
  auto shard = MakeShard(Options(8));
  ASSERT_OK(shard->Insert(Rows(0, 8), kNow));
  ASSERT_OK(shard->Insert(Rows(0, 1, /*actor=*/1), kNow));
  Rollout rollout;
  auto take = std::async(std::launch::async,
                         [&] { return shard->TakeRollout({.steps = 8}, &rollout, kLong); });
  AwaitBlocked(*shard, kTakesOf);
  shard->CutActor(0, /*actor=*/1, /*epoch=*/0);
  EXPECT_OK(take.get());
  EXPECT_EQ(SegmentNames(rollout), "0.0+7C 1.0+1C");
}

TEST(ReplayShardRolloutTest, AnActorThatIsCutMakesRoomForTheOthers) {
  auto shard = MakeShard(Options(8));
  ASSERT_OK(shard->Insert(Rows(0, 4), kNow));
  ASSERT_OK(shard->Insert(Rows(0, 1, /*actor=*/1), kNow));
  auto insert = std::async(std::launch::async, [&] { return shard->Insert(Rows(1, 4), kLong); });
  AwaitBlocked(*shard, kInsertsOf);
  shard->CutActor(0, /*actor=*/1, /*epoch=*/0);
  EXPECT_OK(insert.get());
}

TEST(ReplayShardRolloutTest, ANewLifeEndsTheInsertOfTheOldOneThatWaits) {
  auto shard = MakeShard(Options(8));
  ASSERT_OK(shard->Insert(Rows(0, 8), kNow));
  auto insert = std::async(std::launch::async, [&] { return shard->Insert(Rows(1, 8), kLong); });
  AwaitBlocked(*shard, kInsertsOf);
  ASSERT_OK(shard->ResumeInsert({.epoch = 1}));
  EXPECT_THAT(insert.get(), FailsWith(kRefused, "has taken its place"));
}

TEST(ReplayShardRolloutTest, DroppingWhatIsTooOldMakesRoomForWhatATakeWaitsFor) {
  auto shard = MakeShard(Options(8));
  ASSERT_OK(shard->Insert(Rows(0, 8), kNow));
  auto insert = std::async(std::launch::async, [&] {
    return shard->Insert(Rows(1, 8, /*actor=*/0, /*epoch=*/0, /*version=*/2), kLong);
  });
  AwaitBlocked(*shard, kInsertsOf);
  Rollout rollout;
  EXPECT_OK(shard->TakeRollout({.steps = 8, .version_min = 2}, &rollout, kLong));
  EXPECT_EQ(rollout.dropped, 8);
  EXPECT_OK(insert.get());
}

TEST(ReplayShardRolloutTest, ACancelledShardEndsBothWaits) {
  auto shard = MakeShard(Options(8));
  ASSERT_OK(shard->Insert(Rows(0, 6), kNow));
  Rollout rollout;
  auto take = std::async(std::launch::async,
                         [&] { return shard->TakeRollout({.steps = 8}, &rollout, kLong); });
  AwaitBlocked(*shard, kTakesOf);
  shard->Cancel(absl::CancelledError("the run is over"));
  EXPECT_THAT(take.get(), FailsWith(absl::StatusCode::kCancelled, "the run is over"));
}

TEST(ReplayShardRolloutTest, LockstepGivesARoundAsARollout) {
  ReplayShardOptions options = Options(8);
  options.stage.actors = 2;
  auto shard = MakeShard(options);
  for (uint64_t round = 0; round < 3; ++round) {
    for (const uint32_t actor : {1, 0}) {
      Chunk chunk = Rows(round, 4, actor, 0, static_cast<uint32_t>(round));
      chunk.round = round;
      chunk.last_of_round = true;
      ASSERT_OK(shard->Stage(chunk));
    }
    ASSERT_OK(shard->WaitStaged(round, kNow));
    ASSERT_OK(shard->Commit(round));
    const uint32_t version = static_cast<uint32_t>(round);
    EXPECT_EQ(Taken(shard.get(), {.steps = 8, .version_min = version, .version_max = version}),
              "0.0+4C 1.0+4C");
    EXPECT_EQ(shard->size(), 0);
  }
}

TEST(ReplayShardRolloutTest, RoundsThatAreNotTakenDoNotPileUp) {
  auto shard = MakeShard(Options(8));
  absl::Status status;
  uint64_t round = 0;
  for (; status.ok() && round < 10; ++round) {
    Chunk chunk = Rows(round, 8);
    chunk.round = round;
    chunk.last_of_round = true;
    ASSERT_OK(shard->Stage(chunk));
    status = shard->Commit(round);
  }
  EXPECT_THAT(status, FailsWith(kRefused, "were not taken"));
}

TEST(ReplayShardRolloutTest, TheSameTicketGetsTheSameRolloutAgain) {
  auto shard = MakeShard(Options(8, /*max_lag=*/1));
  ASSERT_OK(shard->Insert(Rows(0, 16), kNow));
  const auto first = shard->TakeRollout({1, 1}, {.steps = 8}, kNow);
  const auto again = shard->TakeRollout({1, 1}, {.steps = 8}, kNow);
  const auto next = shard->TakeRollout({1, 2}, {.steps = 8}, kNow);
  ASSERT_OK(next);
  EXPECT_EQ(*first, *again);
  EXPECT_EQ(RowNames(**first).front(), "0.0@0");
  EXPECT_EQ(RowNames(**next).front(), "0.0@8");
  EXPECT_EQ(shard->Stats().sampled, 16);
}

TEST(ReplayShardRolloutTest, AnOlderTicketIsRefused) {
  auto shard = MakeShard(Options(8, /*max_lag=*/1));
  ASSERT_OK(shard->Insert(Rows(0, 16), kNow));
  ASSERT_OK(shard->TakeRollout({2, 1}, {.steps = 8}, kNow));
  EXPECT_THAT(shard->TakeRollout({1, 7}, {.steps = 8}, kNow),
              FailsWith(kRefused, "rollout 7 of learner epoch 1 is over"));
}

// A learner whose connection was cut asks again while its first call still waits.
TEST(ReplayShardRolloutTest, TwoCallsWithOneTicketTakeOneRollout) {
  auto shard = MakeShard(Options(8, /*max_lag=*/1));
  const auto take = [&] { return shard->TakeRollout({1, 1}, {.steps = 8}, kLong); };
  auto first = std::async(std::launch::async, take);
  auto second = std::async(std::launch::async, take);
  AwaitBlocked(*shard, kTakesOf);
  ASSERT_OK(shard->Insert(Rows(0, 16), kNow));
  EXPECT_EQ(*first.get(), *second.get());
  EXPECT_EQ(shard->size(), 8);
}

TEST(ReplayShardRolloutTest, AHigherTicketEndsTheWaitOfALowerOne) {
  auto shard = MakeShard(Options(8));
  auto old = std::async(std::launch::async, [&] {
    return shard->TakeRollout({1, 1}, {.steps = 8}, kLong);
  });
  AwaitBlocked(*shard, kTakesOf);
  EXPECT_THAT(shard->TakeRollout({2, 1}, {.steps = 8}, kNow), FailsWith(kLate, "no rollout"));
  EXPECT_THAT(old.get(), FailsWith(kRefused, "is over"));
}

class RolloutFileTest : public ::testing::Test {
 protected:
  RolloutFileTest() : shard_(MakeShard(Options(8, /*max_lag=*/3))) {
    EXPECT_OK(shard_->Insert(Rows(0, 6, 0, 0, /*version=*/1), kNow));
    EXPECT_OK(shard_->Insert(Rows(1, 6, 0, 0, /*version=*/2), kNow));
    EXPECT_OK(shard_->Insert(Rows(0, 9, 1, 0, /*version=*/2), kNow));
    shard_->CutActor(0, 1, 0);
    EXPECT_OK(shard_->Insert(Rows(0, 7, 2, 0, /*version=*/2), kNow));
    EXPECT_OK(shard_->TakeRollout({3, 4}, {.steps = 5, .version_min = 2}, kNow));
    EXPECT_OK(shard_->Save(path_));
  }

  TestFolder folder_;
  const std::string path_ = folder_.File("a.table");
  std::unique_ptr<ReplayShard> shard_;
};

TEST_F(RolloutFileTest, AShardThatCameBackGivesWhatItWouldHaveGiven) {
  auto loaded = MakeShard(Options(8, /*max_lag=*/3));
  ASSERT_OK(loaded->Load(path_));
  EXPECT_EQ(loaded->size(), shard_->size());
  EXPECT_EQ(loaded->inserted(), shard_->inserted());
  EXPECT_EQ(loaded->Stats().sampled, 5);
  EXPECT_THAT(loaded->Insert(Rows(0, 1, 2), kNow),
              FailsWith(absl::StatusCode::kAlreadyExists, "came before"));
  for (ReplayShard* const shard : {shard_.get(), loaded.get()}) {
    ASSERT_OK(shard->Insert(Rows(1, 7, 2, 0, /*version=*/2), kNow));
  }
  for (int i = 0; i < 2; ++i) {
    Rollout a, b;
    ASSERT_OK(shard_->TakeRollout({.steps = 6}, &a, kNow));
    ASSERT_OK(loaded->TakeRollout({.steps = 6}, &b, kNow));
    EXPECT_EQ(RowNames(a), RowNames(b));
    EXPECT_EQ(a.segments, b.segments);
    EXPECT_EQ(a.bootstrap_obs, b.bootstrap_obs);
    EXPECT_EQ(a.dropped, 6);
    EXPECT_EQ(b.dropped, 6);
  }
}

TEST_F(RolloutFileTest, TheRolloutThatMayNotHaveArrivedIsKept) {
  auto loaded = MakeShard(Options(8, /*max_lag=*/3));
  ASSERT_OK(loaded->Load(path_));
  const auto again = loaded->TakeRollout({3, 4}, {.steps = 5}, kNow);
  ASSERT_OK(again);
  EXPECT_EQ(SegmentNames(**again), "1.0+5C");
  EXPECT_EQ((*again)->dropped, 6);
}

// The file has rows of version 1, which the take that waits has called too old.
TEST_F(RolloutFileTest, ATakeThatWaitsDuringALoadKeepsItsVersions) {
  auto older = MakeShard(Options(8, /*max_lag=*/3));
  ASSERT_OK(older->Insert(Rows(0, 6, 0, 0, /*version=*/1), kNow));
  ASSERT_OK(older->Save(path_));
  auto waiting = MakeShard(Options(8, /*max_lag=*/3));
  Rollout rollout;
  auto take = std::async(std::launch::async, [&] {
    return waiting->TakeRollout({.steps = 4, .version_min = 2}, &rollout, kLong);
  });
  AwaitBlocked(*waiting, kTakesOf);
  ASSERT_OK(waiting->Load(path_));
  ASSERT_OK(waiting->Insert(Rows(1, 6, 0, 0, /*version=*/2), kNow));
  EXPECT_OK(take.get());
  EXPECT_EQ(RowNames(rollout).front(), "0.0@6");
}

TEST_F(RolloutFileTest, AChangedFileIsDataLossAndChangesNothing) {
  const size_t bits = 8 * std::filesystem::file_size(path_);
  for (size_t bit = 3; bit < bits; bit += 997) {
    FlipBit(path_, bit);
    auto loaded = MakeShard(Options(8));
    EXPECT_THAT(loaded->Load(path_), FailsWith(absl::StatusCode::kDataLoss, path_));
    EXPECT_EQ(loaded->inserted(), 0);
    FlipBit(path_, bit);
  }
}

TEST_F(RolloutFileTest, ATruncatedFileIsDataLoss) {
  const int64_t size = static_cast<int64_t>(std::filesystem::file_size(path_));
  for (int64_t left = size - 1; left > 20; left -= 53) {
    std::filesystem::resize_file(path_, static_cast<uintmax_t>(left));
    EXPECT_THAT(MakeShard(Options(8))->Load(path_), FailsWith(absl::StatusCode::kDataLoss, path_));
  }
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
