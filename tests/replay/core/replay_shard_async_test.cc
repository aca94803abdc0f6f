// ReplayShard as async uses it: writers that come back, waits that are given up, grants.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "replay/core/nonsense.h"
#include "replay/core/replay_shard.h"
#include "tests/replay/core/shard_testing.h"
#include "tests/replay/replay_testing.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1};

std::unique_ptr<ReplayShard> MakeShard(const ReplayShardOptions& options = {}) {
  return ShardOf(kSpec, 1000, options);
}

Chunk Rows(uint64_t seq, uint32_t rows, uint32_t epoch = 0) {
  return MakeChunk(kSpec, {.epoch = epoch, .seq = seq, .first_step = seq * rows, .rows = rows});
}

RateLimiterOptions Narrow() {
  return {.samples_per_insert = 1.0, .error_window = 64.0, .insert_max = 64, .sample_max = 16};
}

TEST(ReplayShardAsyncTest, ADuplicateIsDroppedAndCounted) {
  auto shard = MakeShard();
  ASSERT_OK(shard->Insert(Rows(0, 5), kNow));
  EXPECT_THAT(shard->Insert(Rows(0, 5), kNow),
              FailsWith(absl::StatusCode::kAlreadyExists, "came before"));
  EXPECT_EQ(shard->Stats().inserted, 5);
  EXPECT_EQ(shard->Stats().duplicates, 1);
}

TEST(ReplayShardAsyncTest, ANewerEpochEndsTheOlderOnesStreams) {
  auto shard = MakeShard({.table = {.n_step = 3}});
  ASSERT_OK(shard->Insert(Rows(0, 2), kNow));  // too short a tail to be sampled
  Minibatch batch(kSpec, 4);
  EXPECT_THAT(shard->Sample(&batch), FailsWith(kRefused, "nothing to sample"));
  EXPECT_EQ(*shard->ResumeInsert({.epoch = 1}), 0u);
  EXPECT_OK(shard->Sample(&batch));
  EXPECT_THAT(shard->Insert(Rows(1, 2), kNow), FailsWith(kRefused, "epoch 1 has taken this actor"));
}

TEST(ReplayShardAsyncTest, ChunksThatComeBeforeUnderAnotherSeqAreRefused) {
  auto shard = MakeShard();
  ASSERT_OK(shard->Insert(Rows(0, 5), kNow));
  const Chunk chunk = MakeChunk(kSpec, {.seq = 1, .first_step = 2, .rows = 5});
  EXPECT_THAT(shard->Insert(chunk, kNow), FailsWith(kRefused, "yet seq 1 is new"));
}

TEST(ReplayShardAsyncTest, AWaitEndsWhenItsStopSaysSo) {
  auto shard = MakeShard({.gate = {.limiter = Narrow()}});
  ASSERT_OK(shard->Insert(Rows(0, 64), kNow));
  std::atomic<int> asked = 0;
  EXPECT_THAT(shard->Insert(Rows(1, 64), WaitLimit(kLong, [&] { return ++asked == 3; })),
              FailsWith(absl::StatusCode::kCancelled, "nobody waits"));
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(shard->inserted(), 64);
}

TEST(ReplayShardAsyncTest, AWaitEndsAfterItsTimeAndSaysWhatItWaitedFor) {
  FakeClock clock;
  auto shard = MakeShard({.gate = {.limiter = Narrow()}, .clock = &clock});
  ASSERT_OK(shard->Insert(Rows(0, 64), kNow));
  const Clock::Time before = clock.Now();
  EXPECT_THAT(shard->Insert(Rows(1, 64), kLong),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "no room to insert after 60000 ms"));
  EXPECT_EQ(clock.Now() - before, kLong);
  EXPECT_DOUBLE_EQ(shard->Stats().inserts_blocked.total, 60.0);
}

TEST(ReplayShardAsyncTest, TellsWhichSideWaitsAndForHowLong) {
  FakeClock clock;
  auto shard = MakeShard({.gate = {.limiter = Narrow()}, .clock = &clock});
  ASSERT_OK(shard->Insert(Rows(0, 64), kNow));
  ShardStats during;
  std::string reason;
  const auto look = [&] {
    during = shard->Stats();
    reason = shard->Explain();
    return true;
  };
  EXPECT_FALSE(shard->Insert(Rows(1, 64), WaitLimit(kLong, look)).ok());
  EXPECT_DOUBLE_EQ(during.inserts_blocked.current, 0.1);  // `stop` is asked ten times a second
  EXPECT_EQ(during.inserts_blocked.current, during.inserts_blocked.total);
  EXPECT_THAT(reason, ::testing::HasSubstr("inserts are blocked"));
  EXPECT_EQ(during.samples_blocked.total, 0.0);
  const ShardStats after = shard->Stats();
  EXPECT_EQ(after.inserts_blocked.current, 0.0);
  EXPECT_GE(after.inserts_blocked.total, during.inserts_blocked.total);
}

TEST(ReplayShardAsyncTest, ATwinThatEntersFirstMakesTheWaitingOneADuplicate) {
  auto shard = MakeShard({.gate = {.limiter = Narrow()}});
  ASSERT_OK(shard->Insert(Rows(0, 64), kNow));
  absl::Status first, second;
  const WaitLimit limit(kLong, [] { return false; });
  std::thread old_stream([&] { first = shard->Insert(Rows(1, 64), limit); });
  std::thread new_stream([&] { second = shard->Insert(Rows(1, 64), limit); });
  Minibatch batch(kSpec, 16);
  for (int i = 0; i < 4; ++i) EXPECT_OK(shard->Sample(&batch));  // room for one
  old_stream.join();
  new_stream.join();
  EXPECT_EQ(first.ok() + second.ok(), 1);
  EXPECT_TRUE(absl::IsAlreadyExists(first) || absl::IsAlreadyExists(second));
  EXPECT_EQ(shard->inserted(), 128);
}

// A chunk of few rows finds room again and again where a whole one does not: it waited 21 s.
TEST(ReplayShardAsyncTest, WhoeverCameFirstGoesFirstHoweverManyRowsItBrings) {
  auto shard = MakeShard({.gate = {.limiter = Narrow()}});
  ASSERT_OK(shard->Insert(Rows(0, 64), kNow));
  std::atomic<bool> first_waits = false, second_waits = false;
  std::thread whole([&] {
    EXPECT_OK(shard->Insert(Rows(1, 64), WaitLimit(kLong, [&] {
                              first_waits = true;
                              return false;
                            })));
  });
  while (!first_waits) std::this_thread::yield();
  const Chunk few = MakeChunk(kSpec, {.actor = 1, .rows = 2});  // for one there would be room
  std::thread later([&] {
    EXPECT_OK(shard->Insert(few, WaitLimit(kLong, [&] {
                              second_waits = true;
                              return false;
                            })));
  });
  while (!second_waits) std::this_thread::yield();
  Minibatch batch(kSpec, 16);
  for (int i = 0; i < 4; ++i) ASSERT_OK(shard->Sample(&batch));
  whole.join();
  EXPECT_EQ(shard->inserted(), 128);
  ASSERT_OK(shard->Sample(&batch));
  later.join();
  EXPECT_EQ(shard->inserted(), 130);
}

TEST(ReplayShardAsyncTest, WhoLeavesTheLineLetsTheNextOneGo) {
  auto shard = MakeShard({.gate = {.limiter = Narrow()}});
  ASSERT_OK(shard->Insert(Rows(0, 64), kNow));
  std::atomic<bool> first_waits = false, leave = false, second_waits = false;
  std::thread whole([&] {
    EXPECT_THAT(shard->Insert(Rows(1, 64), WaitLimit(kLong,
                                                     [&] {
                                                       first_waits = true;
                                                       return leave.load();
                                                     })),
                FailsWith(absl::StatusCode::kCancelled, "nobody"));
  });
  while (!first_waits) std::this_thread::yield();
  const Chunk few = MakeChunk(kSpec, {.actor = 1, .rows = 2});  // for one there would be room
  std::thread later([&] {
    EXPECT_OK(shard->Insert(few, WaitLimit(kLong, [&] {
                              second_waits = true;
                              return false;
                            })));
  });
  while (!second_waits) std::this_thread::yield();
  Minibatch batch(kSpec, 16);
  ASSERT_OK(shard->Sample(&batch));  // room for one of the two
  leave = true;
  whole.join();
  later.join();
  EXPECT_EQ(shard->inserted(), 66);
}

TEST(ReplayShardAsyncTest, AVersionIsBelievedOnceTheLearnerHasNamedIt) {
  auto shard = MakeShard();
  shard->SetPublished(4, /*now=*/true);
  Chunk chunk = Rows(0, 1);
  chunk.policy_version = {5};
  EXPECT_THAT(shard->Insert(chunk, kNow), FailsWith(kLate, "a newer policy is not known"));
  std::thread actor([&] { EXPECT_OK(shard->Insert(chunk, kLong)); });
  shard->SetPublished(5, /*now=*/false);
  actor.join();
  EXPECT_EQ(shard->Stats().newest_version, 5u);
}

TEST(ReplayShardAsyncTest, AVersionThatTheLearnerWasLongEnoughToNameWasNeverPublished) {
  FakeClock clock;
  auto shard = MakeShard({.clock = &clock});
  shard->SetPublished(4, /*now=*/true);
  const Clock::Time before = clock.Now();
  Chunk chunk = Rows(0, 1);
  chunk.policy_version = {UINT32_MAX};
  const auto learner_speaks = [&] {
    shard->SetPublished(4, /*now=*/true);
    return false;
  };
  const absl::Status refused = shard->Insert(chunk, WaitLimit(kLong, learner_speaks));
  EXPECT_THAT(refused, IsInvalid("version 4294967295 was never published; the newest is 4"));
  EXPECT_EQ(NonsenseReason(refused), kUnknownVersion);
  EXPECT_GE(clock.Now() - before, PublishedVersions::kPatience);
  EXPECT_OK(shard->Refuse({.seq = chunk.seq, .rows = chunk.rows}));
  EXPECT_OK(shard->Insert(Rows(1, 1), kNow));
  EXPECT_EQ(shard->Stats().refused, 1);
  EXPECT_EQ(shard->Stats().rows_lost, 0u);
  EXPECT_EQ(shard->Stats().inserted, 1);
}

TEST(ReplayShardAsyncTest, BeforeTheLearnerHasSpokenOnlyWhatNoRunReachesIsRefused) {
  auto shard = MakeShard();
  Chunk chunk = Rows(0, 1);
  chunk.policy_version = {kVersionMax + 1};
  EXPECT_THAT(shard->Insert(chunk, kNow), IsInvalid("was never published"));
}

TEST(ReplayShardAsyncTest, ARefusedChunkMustBeItsWritersNext) {
  auto shard = MakeShard();
  ASSERT_OK(shard->Insert(Rows(0, 1), kNow));
  EXPECT_THAT(shard->Refuse({.seq = 0}), FailsWith(absl::StatusCode::kAlreadyExists, ""));
  EXPECT_THAT(shard->Refuse({.seq = 2}), FailsWith(kRefused, "seq 1 must come first"));
}

TEST(ReplayShardAsyncTest, GrantedInsertsWaitForTheBound) {
  auto shard = MakeShard({.gate = {.granted_inserts = true}});
  EXPECT_THAT(shard->Insert(Rows(0, 5), kNow), FailsWith(kLate, "granted 0"));
  shard->SetInsertBound(5);
  EXPECT_OK(shard->Insert(Rows(0, 5), kNow));
  std::thread actor([&] { EXPECT_OK(shard->Insert(Rows(1, 5), kLong)); });
  shard->SetInsertBound(12);
  actor.join();
  EXPECT_THAT(shard->Insert(Rows(2, 5), kNow), FailsWith(kLate, "10 rows inserted"));
  Minibatch batch(kSpec, 4);
  EXPECT_OK(shard->Sample(&batch, kNow));  // samples are the learner's own affair
}

TEST(ReplayShardAsyncTest, RefusesALimiterBesideGrants) {
  EXPECT_THAT(
      ReplayShard::Create({.spec = kSpec, .gate = {.limiter = Narrow(), .granted_inserts = true}}),
      IsInvalid("not both"));
}

TEST(ReplayShardAsyncTest, WithALimiterSamplesWaitForARowWithAllItsRewards) {
  auto shard = MakeShard({.table = {.n_step = 3}, .gate = {.limiter = Narrow()}});
  ASSERT_OK(shard->Insert(Rows(0, 2), kNow));
  Minibatch batch(kSpec, 4);
  EXPECT_THAT(shard->Sample(&batch, kNow), FailsWith(kLate, "nothing may be sampled"));
  ASSERT_OK(shard->Insert(Rows(1, 2), kNow));
  EXPECT_OK(shard->Sample(&batch, kNow));
}

TEST(ReplayShardAsyncTest, ARestoredShardKnowsWhatItHasAndCountsWhatItLost) {
  TempDir folder;
  auto shard = MakeShard();
  ASSERT_OK(shard->Insert(Rows(0, 5), kNow));
  ASSERT_OK(shard->Insert(Rows(1, 5), kNow));
  ASSERT_OK(shard->Save(folder.File("a")));
  auto resumed = MakeShard();
  ASSERT_OK(resumed->Load(folder.File("a")));
  EXPECT_EQ(*resumed->ResumeInsert({.first_seq_held = 1}), 2u);
  EXPECT_THAT(resumed->Insert(Rows(1, 5), kNow),
              FailsWith(absl::StatusCode::kAlreadyExists, "came before"));
  EXPECT_EQ(*resumed->ResumeInsert({.first_seq_held = 4}), 4u);
  ASSERT_OK(resumed->Insert(Rows(4, 5), kNow));
  EXPECT_EQ(resumed->Stats().rows_lost, 10u);
  EXPECT_EQ(resumed->Stats().newest_version, 24u);
}

TEST(ReplayShardAsyncTest, ARestoredShardGoesOnCountingItsSamples) {
  TempDir folder;
  auto shard = MakeShard();
  ASSERT_OK(shard->Insert(Rows(0, 5), kNow));
  Minibatch batch(kSpec, 7);
  ASSERT_OK(shard->Sample(&batch));
  ASSERT_OK(shard->Save(folder.File("a")));
  auto resumed = MakeShard();
  ASSERT_OK(resumed->Load(folder.File("a")));
  EXPECT_EQ(resumed->Stats().sampled, 7);
  EXPECT_EQ(resumed->Stats().newest_version, 4u);
}

TEST(ReplayShardAsyncTest, ASaveThatIsStoppedLeavesNothingAndTheNextOneIsWhole) {
  TempDir folder;
  auto shard = MakeShard();
  ASSERT_OK(shard->Insert(Rows(0, 5), kNow));
  int asked = 0;
  EXPECT_THAT(shard->Save(folder.File("a"), 0, [&] { return ++asked > 0; }),
              FailsWith(absl::StatusCode::kCancelled, "was not saved"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  ASSERT_OK(shard->Insert(Rows(1, 5), kNow));
  ASSERT_OK(shard->Save(folder.File("a"), 0, [] { return false; }));
  auto resumed = MakeShard();
  ASSERT_OK(resumed->Load(folder.File("a")));
  EXPECT_EQ(*resumed->ResumeInsert({.first_seq_held = 2}), 2u);
}

}  // namespace
}  // namespace pmoe
