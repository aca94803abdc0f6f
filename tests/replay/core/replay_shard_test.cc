#include "replay/core/replay_shard.h"

#include <gtest/gtest.h>

#include <barrier>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/base/crc32c.h"
#include "common/base/file.h"
#include "replay/client/direct_writer.h"
#include "tests/replay/core/shard_testing.h"
#include "tests/replay/replay_testing.h"
#include "tests/testing/full_disk.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1};
constexpr auto kDamaged = absl::StatusCode::kDataLoss;

std::unique_ptr<ReplayShard> MakeShard(const ReplayShardOptions& options = {}) {
  return ShardOf(kSpec, 1000, options);
}

// One actor, one chunk of `rows` a round.
absl::Status StageRound(ReplayShard* shard, uint64_t round, uint32_t rows) {
  return shard->Stage(MakeChunk(kSpec, {.seq = round,
                                        .first_step = round * rows,
                                        .round = round,
                                        .rows = rows,
                                        .last_of_round = true}));
}

std::string NextBatch(ReplayShard* shard) {
  Minibatch batch(kSpec, 16);
  EXPECT_OK(shard->Sample(&batch));
  return BatchBytes(&batch);
}

TEST(ReplayShardTest, RowsAppearWithTheCommitAndNotBefore) {
  auto shard = MakeShard();
  ASSERT_OK(StageRound(shard.get(), 0, 10));
  EXPECT_EQ(shard->size(), 0);
  ASSERT_OK(shard->WaitStaged(0, milliseconds(0)));
  ASSERT_OK(shard->Commit(0));
  EXPECT_EQ(shard->size(), 10);
  EXPECT_EQ(shard->inserted(), 10);
  EXPECT_EQ(shard->next_round(), 1u);
}

TEST(ReplayShardTest, AWaitThatFailsNamesTheActorsMissing) {
  auto shard = MakeShard({.stage = {.actors = 2}});
  ASSERT_OK(StageRound(shard.get(), 0, 10));
  EXPECT_THAT(shard->WaitStaged(0, milliseconds(1)), FailsWith(kLate, "waiting for actor 1"));
}

TEST(ReplayShardTest, RefusesToWaitForARoundThatIsNotOpen) {
  auto shard = MakeShard();
  EXPECT_THAT(shard->WaitStaged(2, milliseconds(1)), FailsWith(kRefused, "round 2 is not open"));
  EXPECT_THAT(shard->Commit(0), FailsWith(kRefused, "actor 0 did not end it"));
}

TEST(ReplayShardTest, ARoundThatIsHalfInIsNeitherSavedNorSampled) {
  TempDir folder;
  auto shard = MakeShard({.stage = {.actors = 2}});
  Chunk torn = MakeChunk(kSpec, {.actor = 1, .seq = 1, .first_step = 2, .rows = 2});
  torn.last_of_round = true;
  torn.observations[0] += 1.0f;
  ASSERT_OK(shard->Stage(MakeChunk(kSpec, {.actor = 0, .rows = 3, .last_of_round = true})));
  ASSERT_OK(shard->Stage(MakeChunk(kSpec, {.actor = 1, .rows = 2})));
  ASSERT_OK(shard->Stage(torn));
  const auto half = IsInvalid("round 0 is half in");
  EXPECT_THAT(shard->Commit(0), half);
  EXPECT_THAT(shard->Commit(1), half);
  EXPECT_THAT(shard->damage(), half);
  Minibatch batch(kSpec, 4);
  EXPECT_THAT(shard->Sample(&batch), half);
  EXPECT_THAT(shard->Save(folder.File("a")), half);
}

TEST(ReplayShardTest, RefusesABadChunkBeforeItsRound) {
  auto shard = MakeShard();
  Chunk chunk = MakeChunk(kSpec, {.rows = 3});
  chunk.rewards.pop_back();
  EXPECT_THAT(shard->Stage(chunk), IsInvalid("rewards"));
}

TEST(ReplayShardTest, CancelEndsAWaitWithItsReason) {
  auto shard = MakeShard();
  std::thread actor([&] { shard->Cancel(absl::AbortedError("actor 0 failed")); });
  EXPECT_THAT(shard->WaitStaged(0, milliseconds(60'000)),
              FailsWith(absl::StatusCode::kAborted, "actor 0 failed"));
  actor.join();
  EXPECT_THAT(StageRound(shard.get(), 0, 1), FailsWith(absl::StatusCode::kAborted, "actor 0"));
}

TEST(ReplayShardTest, TheSameSeedDrawsTheSameBatches) {
  auto a = MakeShard({.seed = 5});
  auto b = MakeShard({.seed = 5});
  auto other = MakeShard({.seed = 6});
  for (ReplayShard* shard : {a.get(), b.get(), other.get()}) {
    ASSERT_OK(StageRound(shard, 0, 60));
    ASSERT_OK(shard->Commit(0));
  }
  EXPECT_EQ(NextBatch(a.get()), NextBatch(b.get()));
  EXPECT_NE(NextBatch(a.get()), NextBatch(other.get()));
}

TEST(ReplayShardTest, TheLimiterHoldsSamplesAndInsertsBack) {
  auto shard = MakeShard({.gate = {.limiter = RateLimiterOptions{.min_size = 4,
                                                                 .samples_per_insert = 1.0,
                                                                 .error_window = 64.0,
                                                                 .insert_max = 64,
                                                                 .sample_max = 16}}});
  Minibatch batch(kSpec, 16);
  EXPECT_THAT(shard->Sample(&batch, milliseconds(0)), FailsWith(kLate, "0 inserted < min_size 4"));
  ASSERT_OK(shard->Insert(MakeChunk(kSpec, {.rows = 64}), milliseconds(0)));
  EXPECT_THAT(
      shard->Insert(MakeChunk(kSpec, {.seq = 1, .first_step = 64, .rows = 64}), milliseconds(0)),
      FailsWith(kLate, "inserts are blocked"));
  for (int i = 0; i < 4; ++i) ASSERT_OK(shard->Sample(&batch, milliseconds(0)));
  EXPECT_OK(
      shard->Insert(MakeChunk(kSpec, {.seq = 1, .first_step = 64, .rows = 64}), milliseconds(0)));
}

TEST(ReplayShardTest, ABlockedInsertGoesOnWhenSamplesMakeRoom) {
  auto shard = MakeShard({.gate = {.limiter = RateLimiterOptions{.samples_per_insert = 1.0,
                                                                 .error_window = 64.0,
                                                                 .insert_max = 64,
                                                                 .sample_max = 16}}});
  std::thread actor([&] {
    for (uint64_t step = 0; step < 64 * 5; step += 64) {
      EXPECT_OK(shard->Insert(MakeChunk(kSpec, {.seq = step / 64, .first_step = step, .rows = 64}),
                              milliseconds(60'000)));
    }
  });
  Minibatch batch(kSpec, 16);
  for (int i = 0; i < 16; ++i) EXPECT_OK(shard->Sample(&batch));
  actor.join();
  EXPECT_EQ(shard->inserted(), 64 * 5);
}

TEST(ReplayShardTest, NamesALimiterTooNarrowForItsChunks) {
  ReplayShardOptions options{.spec = kSpec, .gate = {.limiter = RateLimiterOptions{}}};
  EXPECT_THAT(ReplayShard::Create(options), IsInvalid("limiter.insert_max must be >= 64"));
}

TEST(ReplayShardTest, ASavedShardGoesOnWithTheSameBits) {
  TempDir folder;
  auto shard = MakeShard();
  uint64_t round = 0;
  for (; round < 30; ++round) {
    ASSERT_OK(StageRound(shard.get(), round, 50));
    ASSERT_OK(shard->Commit(round));
    NextBatch(shard.get());
  }
  ASSERT_OK(StageRound(shard.get(), round, 50));  // staged and not committed
  ASSERT_OK(shard->Save(folder.File("a")));
  auto resumed = MakeShard();
  ASSERT_OK(resumed->Load(folder.File("a")));
  ASSERT_OK(StageRound(resumed.get(), round, 50));  // as its actors do after a resume
  for (ReplayShard* each : {shard.get(), resumed.get()}) {
    ASSERT_OK(each->Commit(round));
    ASSERT_OK(StageRound(each, round + 1, 50));
    ASSERT_OK(each->Commit(round + 1));
  }
  EXPECT_EQ(resumed->inserted(), shard->inserted());
  for (int i = 0; i < 20; ++i) ASSERT_EQ(NextBatch(resumed.get()), NextBatch(shard.get()));
  ASSERT_OK(shard->Save(folder.File("a")));
  ASSERT_OK(resumed->Save(folder.File("b")));
  EXPECT_TRUE(*ReadFile(folder.File("a")) == *ReadFile(folder.File("b")));
}

// A shard of a few rows with a staged chunk, an ended episode and an open one.
std::string SmallFile(const std::string& path) {
  auto shard = MakeShard();
  EXPECT_OK(shard->Stage(MakeChunk(kSpec, {.seq = 0, .rows = 3, .terminated = true})));
  EXPECT_OK(shard->Stage(
      MakeChunk(kSpec, {.seq = 1, .first_step = 3, .rows = 2, .last_of_round = true})));
  EXPECT_OK(shard->Commit(0));
  EXPECT_OK(shard->Stage(MakeChunk(kSpec, {.seq = 2, .first_step = 5, .round = 1, .rows = 1})));
  EXPECT_OK(shard->Save(path));
  return *ReadFile(path);
}

TEST(ReplayShardTest, RefusesEveryTruncationOfASavedFile) {
  TempDir folder;
  auto shard = MakeShard();
  ASSERT_OK(StageRound(shard.get(), 0, 7));
  ASSERT_OK(shard->Commit(0));
  for (size_t n = SmallFile(folder.File("a")).size(); n-- > 0;) {
    std::filesystem::resize_file(folder.File("a"), n);
    ASSERT_THAT(shard->Load(folder.File("a")), FailsWith(kDamaged, "truncated")) << n;
  }
  EXPECT_EQ(shard->size(), 7);  // as it was
}

TEST(ReplayShardTest, RefusesEveryFlippedBitOfASavedFile) {
  TempDir folder;
  const std::string path = folder.File("a");
  auto shard = MakeShard();
  const size_t bits = 8 * SmallFile(path).size();
  for (size_t bit = 0; bit < bits; ++bit) {
    FlipBit(path, bit);
    ASSERT_THAT(shard->Load(path), FailsWith(kDamaged, path)) << bit;
    FlipBit(path, bit);
  }
  EXPECT_OK(shard->Load(path));
}

// A block with one bit flipped and its CRC made right again, as a file from other code might have
// it.
void FlipBitUnderTheCrc(std::string* bytes, size_t block_at, size_t length, size_t bit) {
  (*bytes)[block_at + 12 + bit / 8] ^= static_cast<char>(1 << (bit % 8));
  const uint32_t crc = Crc32c(absl::string_view(*bytes).substr(block_at, 12 + length));
  std::memcpy(bytes->data() + block_at + 12 + length, &crc, sizeof(crc));
}

TEST(ReplayShardTest, StaysInItsMemoryWhateverAWellFormedFileSays) {
  TempDir folder;
  const std::string good = SmallFile(folder.File("a"));
  const auto next = MakeChunk(kSpec, {.first_step = 5, .rows = 64});
  uint64_t length = 0;
  for (size_t at = 8; at + 16 < good.size(); at += 16 + length) {
    std::memcpy(&length, good.data() + at + 4, sizeof(length));
    for (size_t bit = 0; bit < 8 * length; ++bit) {
      std::string bytes = good;
      FlipBitUnderTheCrc(&bytes, at, length, bit);
      std::fstream(folder.File("a"), std::ios::binary | std::ios::in | std::ios::out) << bytes;
      auto shard = MakeShard();
      Minibatch batch(kSpec, 8);
      if (!shard->Load(folder.File("a")).ok()) continue;
      // What it now holds is anybody's guess; the sanitizers see whether it is memory of its own.
      (void)shard->Sample(&batch);
      (void)shard->Insert(next, milliseconds(0));
      (void)shard->Sample(&batch);
    }
  }
}

TEST(ReplayShardTest, RefusesTheFileOfAnotherEnvironment) {
  TempDir folder;
  SmallFile(folder.File("a"));
  ReplayShardOptions options{.spec = {.obs_dim = 3, .action_dim = 1}};
  auto other = ReplayShard::Create(options);
  ASSERT_OK(other);
  EXPECT_FALSE((*other)->Load(folder.File("a")).ok());
  options.spec = kSpec;
  options.table.n_step = 2;
  auto longer = ReplayShard::Create(options);
  ASSERT_OK(longer);
  EXPECT_THAT((*longer)->Load(folder.File("a")), FailsWith(kRefused, "n_step 1; this run has"));
}

TEST(ReplayShardTest, ReportsAFullDiskAndKeepsTheOldFile) {
  TempDir folder;
  const std::string bytes = SmallFile(folder.File("a"));
  const auto shard = MakeShard();
  absl::Status status;
  {
    const FullDisk full;
    status = shard->Save(folder.File("a"));
  }
  EXPECT_THAT(status, FailsWith(absl::StatusCode::kResourceExhausted, folder.File("a.tmp")));
  EXPECT_EQ(*ReadFile(folder.File("a")), bytes);
}

// Lag 1 as it runs: both actors stage round n + 1 while the learner samples what round n left.
TEST(ReplayShardTest, ActorsStageWhileTheLearnerSamples) {
  constexpr int kActors = 2;
  constexpr uint64_t kRounds = 30;
  auto shard = MakeShard({.stage = {.actors = kActors}});
  std::barrier round_begins(kActors + 1);
  const auto act = [&](uint32_t actor) {
    auto writer =
        DirectTransitionWriter::Create({.chunks = {.actor = actor, .envs = 2}}, shard.get());
    std::vector<float> obs[2] = {{0, 0}, {0, 0}};
    const float action[] = {0.5f};
    for (uint64_t round = 0; round < kRounds; ++round) {
      round_begins.arrive_and_wait();
      for (int step = 0; step < 70; ++step) {
        for (uint32_t env = 0; env < 2; ++env) {
          const std::vector<float> next = {obs[env][0] + 1.0f, static_cast<float>(actor)};
          EXPECT_OK((*writer)->Write(env, {.obs = obs[env], .action = action, .next_obs = next}));
          obs[env] = next;
        }
      }
      EXPECT_OK((*writer)->EndRound(round));
    }
  };
  std::thread actors[] = {std::thread(act, 0u), std::thread(act, 1u)};
  Minibatch batch(kSpec, 64);
  for (uint64_t round = 0; round < kRounds; ++round) {
    round_begins.arrive_and_wait();
    for (int update = 0; round > 0 && update < 20; ++update) EXPECT_OK(shard->Sample(&batch));
    EXPECT_OK(shard->WaitStaged(round, milliseconds(60'000)));
    EXPECT_OK(shard->Commit(round));
  }
  for (std::thread& actor : actors) actor.join();
  EXPECT_EQ(shard->inserted(), static_cast<int64_t>(kActors * 2 * 70 * kRounds));
}

}  // namespace
}  // namespace pmoe
