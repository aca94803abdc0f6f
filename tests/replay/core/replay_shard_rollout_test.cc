// ReplayShard as an on-policy learner uses it: waits on both sides, and rollouts asked for twice.
#include <gtest/gtest.h>

#include <future>

#include "common/base/rng.h"
#include "tests/replay/core/rollout_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr auto kBad = absl::StatusCode::kInvalidArgument;
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr auto kLate = absl::StatusCode::kDeadlineExceeded;

std::string Taken(ReplayShard* shard, const RolloutRequest& request) {
  Rollout rollout;
  const absl::Status status = shard->TakeRollout(request, &rollout, kAtOnce);
  return status.ok() ? SegmentNames(rollout) : std::string(status.message());
}

TEST(ReplayShardRolloutTest, CountsRowsWaitingTakenAndInserted) {
  auto shard = MakeShard(OnPolicy(8));
  ASSERT_OK(shard->Insert(StepRows(0, 8), kAtOnce));
  EXPECT_EQ(Taken(shard.get(), {.steps = 5}), "0.0+5C");
  const ShardStats stats = shard->Stats();
  EXPECT_EQ(stats.size, 3);
  EXPECT_EQ(stats.sampled, 5);
  EXPECT_EQ(stats.inserted, 8);
  EXPECT_EQ(stats.newest_version, 1u);
  EXPECT_GT(stats.bytes, 0);
}

TEST(ReplayShardRolloutTest, GivesNoMinibatches) {
  auto shard = MakeShard(OnPolicy(8));
  ASSERT_OK(shard->Insert(StepRows(0, 8), kAtOnce));
  Minibatch batch(kRolloutSpec, 4);
  EXPECT_THAT(shard->Sample(&batch), FailsWith(kRefused, "on-policy"));
}

TEST(ReplayShardRolloutTest, AShardOfATableGivesNoRollouts) {
  ReplayShardOptions options;
  options.spec = kRolloutSpec;
  EXPECT_THAT(Taken(MakeShard(options).get(), {.steps = 1}), HasSubstr("rows are sampled"));
}

TEST(ReplayShardRolloutTest, NothingIsTakenOfARoundThatIsHalfIn) {
  auto shard = MakeShard(OnPolicy(8));
  Chunk torn = StepRows(1, 2);
  torn.observations[0] += 1.0f;
  torn.last_of_round = true;
  ASSERT_OK(shard->Stage(StepRows(0, 2)));
  ASSERT_OK(shard->Stage(torn));
  EXPECT_FALSE(shard->Commit(0).ok());
  EXPECT_THAT(Taken(shard.get(), {.steps = 2}), HasSubstr("round 0 is half in"));
}

TEST(ReplayShardRolloutTest, ALimiterBesideTheQueueIsRefused) {
  ReplayShardOptions options = OnPolicy(8);
  options.gate.limiter = RateLimiterOptions{.insert_max = kPageRows};
  EXPECT_THAT(ReplayShard::Create(options), FailsWith(kBad, "neither a limiter"));
}

TEST(ReplayShardRolloutTest, ATakeThatRunsOutOfTimeSaysWhoIsMissing) {
  auto shard = MakeShard(OnPolicy(8));
  ASSERT_OK(shard->Insert(StepRows(0, 8), kAtOnce));
  ASSERT_OK(shard->Insert(StepRows(0, 3, /*actor=*/1), kAtOnce));
  Rollout rollout;
  EXPECT_THAT(shard->TakeRollout({.steps = 8}, &rollout, milliseconds(1)),
              FailsWith(kLate,
                        "no rollout after 1 ms: 11 rows wait for a rollout of 8 from 2 "
                        "environments; actor 1 env 0 has 3 of 4"));
}

TEST(ReplayShardRolloutTest, AnInsertThatRunsOutOfTimeSaysWhy) {
  auto shard = MakeShard(OnPolicy(8));
  ASSERT_OK(shard->Insert(StepRows(0, 8), kAtOnce));
  EXPECT_THAT(shard->Insert(StepRows(1, 8), milliseconds(1)),
              FailsWith(kLate,
                        "no room to insert after 1 ms: inserts are blocked: 8 rows wait to "
                        "be taken; each of 1 environments may hold (1 + max_lag 0) * 8 = 8, "
                        "actor 0 env 0 has 8"));
  EXPECT_GT(shard->Stats().inserts_blocked.total, 0.0);
}

TEST(ReplayShardRolloutTest, ATakeWakesTheInsertThatWaitsForRoom) {
  auto shard = MakeShard(OnPolicy(8));
  ASSERT_OK(shard->Insert(StepRows(0, 8), kAtOnce));
  auto insert =
      std::async(std::launch::async, [&] { return shard->Insert(StepRows(1, 8), kLongWait); });
  AwaitBlocked(*shard, kInsertsOf);
  EXPECT_EQ(Taken(shard.get(), {.steps = 8}), "0.0+8C");
  EXPECT_OK(insert.get());
  EXPECT_EQ(shard->size(), 8);
}

TEST(ReplayShardRolloutTest, TheLastRowsWakeTheTakeThatWaitsForThem) {
  auto shard = MakeShard(OnPolicy(8));
  ASSERT_OK(shard->Insert(StepRows(0, 8), kAtOnce));
  ASSERT_OK(shard->Insert(StepRows(0, 1, /*actor=*/1), kAtOnce));
  Rollout rollout;
  auto take = std::async(std::launch::async,
                         [&] { return shard->TakeRollout({.steps = 8}, &rollout, kLongWait); });
  AwaitBlocked(*shard, kTakesOf);
  for (uint64_t seq = 1; seq < 4; ++seq) {
    ASSERT_OK(shard->Insert(StepRows(seq, 1, /*actor=*/1), kAtOnce));
  }
  EXPECT_OK(take.get());
  EXPECT_EQ(SegmentNames(rollout), "0.0+4C 1.0+4C");
}

TEST(ReplayShardRolloutTest, AnActorThatIsCutCompletesTheRolloutThatWaitedForIt) {
  auto shard = MakeShard(OnPolicy(8));
  ASSERT_OK(shard->Insert(StepRows(0, 8), kAtOnce));
  ASSERT_OK(shard->Insert(StepRows(0, 1, /*actor=*/1), kAtOnce));
  Rollout rollout;
  auto take = std::async(std::launch::async,
                         [&] { return shard->TakeRollout({.steps = 8}, &rollout, kLongWait); });
  AwaitBlocked(*shard, kTakesOf);
  shard->CutActor(0, /*actor=*/1, /*epoch=*/0);
  EXPECT_OK(take.get());
  EXPECT_EQ(SegmentNames(rollout), "0.0+7C 1.0+1C");
}

TEST(ReplayShardRolloutTest, AnActorThatIsCutMakesRoomForTheOthers) {
  auto shard = MakeShard(OnPolicy(8));
  ASSERT_OK(shard->Insert(StepRows(0, 4), kAtOnce));
  ASSERT_OK(shard->Insert(StepRows(0, 1, /*actor=*/1), kAtOnce));
  auto insert =
      std::async(std::launch::async, [&] { return shard->Insert(StepRows(1, 4), kLongWait); });
  AwaitBlocked(*shard, kInsertsOf);
  shard->CutActor(0, /*actor=*/1, /*epoch=*/0);
  EXPECT_OK(insert.get());
}

TEST(ReplayShardRolloutTest, ANewLifeEndsTheInsertOfTheOldOneThatWaits) {
  auto shard = MakeShard(OnPolicy(8));
  ASSERT_OK(shard->Insert(StepRows(0, 8), kAtOnce));
  auto insert =
      std::async(std::launch::async, [&] { return shard->Insert(StepRows(1, 8), kLongWait); });
  AwaitBlocked(*shard, kInsertsOf);
  ASSERT_OK(shard->ResumeInsert({.epoch = 1}));
  EXPECT_THAT(insert.get(), FailsWith(kRefused, "has taken this actor"));
}

TEST(ReplayShardRolloutTest, DroppingWhatIsTooOldMakesRoomForWhatATakeWaitsFor) {
  auto shard = MakeShard(OnPolicy(8));
  ASSERT_OK(shard->Insert(StepRows(0, 8), kAtOnce));
  auto insert = std::async(std::launch::async, [&] {
    return shard->Insert(StepRows(1, 8, /*actor=*/0, /*epoch=*/0, /*version=*/2), kLongWait);
  });
  AwaitBlocked(*shard, kInsertsOf);
  Rollout rollout;
  EXPECT_OK(shard->TakeRollout({.steps = 8, .version_min = 2}, &rollout, kLongWait));
  EXPECT_EQ(rollout.dropped, 8);
  EXPECT_OK(insert.get());
}

TEST(ReplayShardRolloutTest, ACancelledShardEndsBothWaits) {
  auto shard = MakeShard(OnPolicy(8));
  ASSERT_OK(shard->Insert(StepRows(0, 6), kAtOnce));
  Rollout rollout;
  auto take = std::async(std::launch::async,
                         [&] { return shard->TakeRollout({.steps = 8}, &rollout, kLongWait); });
  AwaitBlocked(*shard, kTakesOf);
  shard->Cancel(absl::CancelledError("the run is over"));
  EXPECT_THAT(take.get(), FailsWith(absl::StatusCode::kCancelled, "the run is over"));
}

TEST(ReplayShardRolloutTest, LockstepGivesARoundAsARollout) {
  ReplayShardOptions options = OnPolicy(8);
  options.stage.actors = 2;
  auto shard = MakeShard(options);
  for (uint64_t round = 0; round < 3; ++round) {
    for (const uint32_t actor : {1, 0}) {
      Chunk chunk = StepRows(round, 4, actor, 0, static_cast<uint32_t>(round));
      chunk.round = round;
      chunk.last_of_round = true;
      ASSERT_OK(shard->Stage(chunk));
    }
    ASSERT_OK(shard->WaitStaged(round, kAtOnce));
    ASSERT_OK(shard->Commit(round));
    const uint32_t version = static_cast<uint32_t>(round);
    EXPECT_EQ(Taken(shard.get(), {.steps = 8, .version_min = version, .version_max = version}),
              "0.0+4C 1.0+4C");
    EXPECT_EQ(shard->size(), 0);
  }
}

TEST(ReplayShardRolloutTest, RoundsThatAreNotTakenDoNotPileUp) {
  auto shard = MakeShard(OnPolicy(8));
  absl::Status status;
  uint64_t round = 0;
  for (; status.ok() && round < 10; ++round) {
    Chunk chunk = StepRows(round, 8);
    chunk.round = round;
    chunk.last_of_round = true;
    ASSERT_OK(shard->Stage(chunk));
    status = shard->Commit(round);
  }
  EXPECT_THAT(status, FailsWith(kRefused, "were not taken"));
}

TEST(ReplayShardRolloutTest, TheSameTicketGetsTheSameRolloutAgain) {
  auto shard = MakeShard(OnPolicy(8, /*max_lag=*/1));
  ASSERT_OK(shard->Insert(StepRows(0, 16), kAtOnce));
  const auto first = shard->TakeRollout({1, 1}, {.steps = 8}, kAtOnce);
  const auto again = shard->TakeRollout({1, 1}, {.steps = 8}, kAtOnce);
  const auto next = shard->TakeRollout({1, 2}, {.steps = 8}, kAtOnce);
  ASSERT_OK(next);
  EXPECT_EQ(*first, *again);
  EXPECT_EQ(RowNames(**first).front(), "0.0@0");
  EXPECT_EQ(RowNames(**next).front(), "0.0@8");
  EXPECT_EQ(shard->Stats().sampled, 16);
}

// A take that is refused, or whose time passes, once moved the ticket all the same.
TEST(ReplayShardRolloutTest, ATicketMovesOnlyWhenItsRowsAreTaken) {
  auto shard = MakeShard(OnPolicy(8, /*max_lag=*/1));
  EXPECT_THAT(shard->TakeRollout({1, 9}, {.steps = 8}, kAtOnce), FailsWith(kLate, "no rollout"));
  EXPECT_FALSE(shard->TakeRollout({9, UINT64_MAX}, {.steps = -1}, kAtOnce).ok());
  shard->SetPublished(3, /*now=*/true);
  EXPECT_THAT(shard->TakeRollout({1, 8}, {.steps = 8, .version_min = UINT32_MAX}, kAtOnce),
              IsInvalid("would drop every row"));
  ASSERT_OK(shard->Insert(VersionChunk({.rows = 16}, 1), kAtOnce));
  const auto first = shard->TakeRollout({1, 1}, {.steps = 8}, kAtOnce);
  ASSERT_OK(first);
  EXPECT_FALSE(shard->TakeRollout({1, 2}, {.steps = 9}, kAtOnce).ok());
  // What the ticket got stays until the next one has got its own.
  EXPECT_EQ(*shard->TakeRollout({1, 1}, {.steps = 8}, kAtOnce), *first);
}

TEST(ReplayShardRolloutTest, AnOlderTicketIsRefused) {
  auto shard = MakeShard(OnPolicy(8, /*max_lag=*/1));
  ASSERT_OK(shard->Insert(StepRows(0, 16), kAtOnce));
  ASSERT_OK(shard->TakeRollout({2, 1}, {.steps = 8}, kAtOnce));
  EXPECT_THAT(shard->TakeRollout({1, 7}, {.steps = 8}, kAtOnce),
              FailsWith(kRefused, "rollout 7 of learner epoch 1 is over"));
}

// A learner whose connection was cut asks again while its first call still waits.
TEST(ReplayShardRolloutTest, TwoCallsWithOneTicketTakeOneRollout) {
  auto shard = MakeShard(OnPolicy(8, /*max_lag=*/1));
  const auto take = [&] { return shard->TakeRollout({1, 1}, {.steps = 8}, kLongWait); };
  auto first = std::async(std::launch::async, take);
  auto second = std::async(std::launch::async, take);
  AwaitBlocked(*shard, kTakesOf);
  ASSERT_OK(shard->Insert(StepRows(0, 16), kAtOnce));
  EXPECT_EQ(*first.get(), *second.get());
  EXPECT_EQ(shard->size(), 8);
}

TEST(ReplayShardRolloutTest, AHigherTicketEndsTheWaitOfALowerOne) {
  auto shard = MakeShard(OnPolicy(8));
  auto old = std::async(std::launch::async, [&] {
    return shard->TakeRollout({1, 1}, {.steps = 8}, kLongWait);
  });
  AwaitBlocked(*shard, kTakesOf);
  EXPECT_THAT(shard->TakeRollout({2, 1}, {.steps = 8}, kAtOnce), FailsWith(kLate, "no rollout"));
  EXPECT_THAT(old.get(), FailsWith(kRefused, "is over"));
}

// Chunks of random lengths for two environments in turn, until the shard is cancelled.
absl::Status WriteUntilCancelled(ReplayShard* shard, uint32_t actor) {
  Rng rng(actor, RngRole::kActor, actor);
  absl::Status status;
  uint64_t seq = 0;
  for (uint64_t step = 0; status.ok();) {
    const uint32_t rows = 1 + static_cast<uint32_t>(rng.UniformInt(20));
    for (uint32_t env = 0; env < 2 && status.ok(); ++env) {
      status = shard->Insert(
          VersionChunk({.actor = actor, .env = env, .seq = seq++, .first_step = step, .rows = rows},
                       1),
          kLongWait);
    }
    step += rows;
  }
  return status;
}

TEST(ReplayShardRolloutTest, WritersAndALearnerWaitForEachOtherAndLoseNoRow) {
  constexpr uint32_t kActors = 3;
  auto shard = MakeShard(OnPolicy(32));
  std::vector<std::future<absl::Status>> writers;
  for (uint32_t actor = 0; actor < kActors; ++actor) {
    writers.push_back(std::async(std::launch::async, WriteUntilCancelled, shard.get(), actor));
  }
  uint64_t next_step[kActors][2] = {};
  Rollout rollout;
  for (int i = 0; i < 300; ++i) {
    ASSERT_OK(shard->TakeRollout({.steps = 32}, &rollout, kLongWait));
    for (const RolloutSegment& segment : rollout.segments) {
      uint64_t& step = next_step[segment.actor][segment.env];
      EXPECT_EQ(rollout.reward[static_cast<size_t>(segment.start)], static_cast<float>(step));
      step += static_cast<uint64_t>(segment.length);
    }
    RowNames(rollout);
  }
  shard->Cancel(absl::CancelledError("the test is over"));
  for (auto& writer : writers) {
    EXPECT_THAT(writer.get(), FailsWith(absl::StatusCode::kCancelled, "the test is over"));
  }
}

}  // namespace
}  // namespace pmoe
