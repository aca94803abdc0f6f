// Tables that an older build saved with rows that no door takes today: a run must go on from them.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "common/base/rng.h"
#include "replay/core/replay_shard.h"
#include "tests/replay/core/rollout_testing.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1, .extra_dim = 1};
constexpr std::chrono::milliseconds kNow{0};
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::unique_ptr<ReplayShard> MakeShard(int n_step, bool reject, ExtraChoices choices = {}) {
  ReplayShardOptions options;
  options.spec = kSpec;
  options.table.capacity = 10'000;
  options.table.n_step = n_step;
  options.rules.reject_nonfinite = reject;
  options.rules.choices = choices;
  auto shard = ReplayShard::Create(options);
  EXPECT_OK(shard);
  return *std::move(shard);
}

// Chunks of one environment whose rows have version 1; `change` may spoil them.
template <typename Change>
void Fill(ReplayShard* shard, int chunks, Change change) {
  for (int seq = 0; seq < chunks; ++seq) {
    Chunk chunk = MakeChunk(kSpec, {.seq = static_cast<uint64_t>(seq),
                                    .first_step = static_cast<uint64_t>(seq) * 16,
                                    .rows = 16,
                                    .terminated = seq % 3 == 2});
    chunk.policy_version.assign(16, 1);
    change(seq, &chunk);
    ASSERT_OK(shard->Insert(chunk, kNow));
  }
}

// Numbers of the steps that come in batches, all of which must be finite. Rewards are MakeChunk's:
// the step's number.
std::set<int> Sampled(ReplayShard* shard) {
  std::set<int> steps;
  Minibatch batch(kSpec, 64);
  for (int i = 0; i < 400; ++i) {
    EXPECT_OK(shard->Sample(&batch));
    for (int row = 0; row < batch.size(); ++row) {
      EXPECT_TRUE(std::isfinite(batch.reward()[row]));
      EXPECT_TRUE(std::isfinite(batch.action()[row]));
      for (int j = 0; j < kSpec.obs_dim; ++j) {
        EXPECT_TRUE(std::isfinite(batch.obs()[row * kSpec.obs_dim + j]));
        EXPECT_TRUE(std::isfinite(batch.next_obs()[row * kSpec.obs_dim + j]));
      }
      steps.insert(static_cast<int>(std::lround(batch.obs()[row * kSpec.obs_dim])));
    }
  }
  return steps;
}

TEST(ReplayTableSenseTest, RowsThatReadWhatIsNotFiniteAreLeftOutAndNoOthers) {
  TempDir folder;
  for (const int n_step : {1, 3}) {
    auto old = MakeShard(n_step, /*reject=*/false);
    Fill(old.get(), 6, [](int seq, Chunk* chunk) {
      if (seq == 1) chunk->rewards[4] = kNan;                                     // step 20
      if (seq == 2) chunk->actions[0] = -std::numeric_limits<float>::infinity();  // step 32
      if (seq == 4) chunk->observations[10 * kSpec.obs_dim] = kNan;               // step 74
    });
    ASSERT_OK(old->Save(folder.File("t")));
    auto shard = MakeShard(n_step, /*reject=*/true);
    ASSERT_OK(shard->Load(folder.File("t")));
    std::set<int> wanted;
    // Of n-step returns the last n - 1 rows wait for rewards.
    for (int step = 0; step < 96; ++step) wanted.insert(step);
    for (const int bad : {20, 32, 74}) {
      for (int before = 0; before <= n_step; ++before) wanted.erase(bad - before);
    }
    if (n_step == 1) {
      EXPECT_EQ(Sampled(shard.get()), wanted) << n_step;
    } else {
      for (const int step : Sampled(shard.get())) EXPECT_TRUE(wanted.contains(step)) << step;
    }
    EXPECT_EQ(shard->size(), static_cast<int64_t>(wanted.size()));
    EXPECT_EQ(shard->Stats().rows_left_out, 96 - shard->size());
    EXPECT_EQ(shard->inserted(), 96);
    // Its writer goes on.
    Chunk next = MakeChunk(kSpec, {.seq = 6, .first_step = 96, .rows = 16});
    EXPECT_OK(shard->Insert(next, kNow));
    // What it saves now is sound.
    ASSERT_OK(shard->Save(folder.File("u")));
    auto again = MakeShard(n_step, /*reject=*/true);
    ASSERT_OK(again->Load(folder.File("u")));
    EXPECT_EQ(again->Stats().rows_left_out, 0);
    EXPECT_EQ(again->size(), shard->size());
  }
}

TEST(ReplayTableSenseTest, AStreamWhoseNewestRowsMakeNoSenseGoesOnBehindThem) {
  TempDir folder;
  auto old = MakeShard(3, /*reject=*/false);
  Fill(old.get(), 2, [](int seq, Chunk* chunk) {
    if (seq == 1) chunk->observations.back() = kNan;  // what the next chunk begins with
  });
  ASSERT_OK(old->Save(folder.File("t")));
  auto shard = MakeShard(3, /*reject=*/true);
  ASSERT_OK(shard->Load(folder.File("t")));
  EXPECT_EQ(shard->Stats().rows_left_out, 3);  // they reach the last observation
  ASSERT_OK(shard->Insert(MakeChunk(kSpec, {.seq = 2, .first_step = 32, .rows = 16}), kNow));
  Sampled(shard.get());
  EXPECT_EQ(shard->size(), 32 - 3 + 16);
}

TEST(ReplayTableSenseTest, VersionsThatTheLearnerNeverPublishedAreLeftOut) {
  TempDir folder;
  auto old = MakeShard(1, /*reject=*/false);
  Fill(old.get(), 3, [](int seq, Chunk* chunk) {
    if (seq == 1) chunk->policy_version[3] = 1'000'000;
  });
  ASSERT_OK(old->Save(folder.File("t")));
  auto unaware = MakeShard(1, true);
  ASSERT_OK(unaware->Load(folder.File("t")));
  EXPECT_EQ(unaware->Stats().rows_left_out, 0);
  auto shard = MakeShard(1, true);
  shard->SetPublished(7, /*now=*/true);
  ASSERT_OK(shard->Load(folder.File("t")));
  EXPECT_EQ(shard->Stats().rows_left_out, 1);
  EXPECT_EQ(shard->Stats().newest_version, 1u);
}

TEST(ReplayTableSenseTest, ChoicesThatAreNoneAreLeftOut) {
  TempDir folder;
  auto old = MakeShard(1, true);
  Fill(old.get(), 1, [](int, Chunk* chunk) {
    chunk->extra.assign(16, 1.0f);
    chunk->extra[5] = 4.0f;
  });
  ASSERT_OK(old->Save(folder.File("t")));
  auto shard = MakeShard(1, true, {.columns = 1, .below = {4}});
  ASSERT_OK(shard->Load(folder.File("t")));
  EXPECT_EQ(shard->Stats().rows_left_out, 1);
}

TEST(ReplayTableSenseTest, RolloutsAreTakenAroundWhatMakesNoSense) {
  TempDir folder;
  const auto make = [](bool reject) {
    ReplayShardOptions options;
    options.spec = kRolloutSpec;
    options.table.fifo = FifoOptions{.rollout_steps = 32, .max_lag = 2};
    options.rules.reject_nonfinite = reject;
    auto shard = ReplayShard::Create(options);
    EXPECT_OK(shard);
    return *std::move(shard);
  };
  auto old = make(false);
  Chunk chunk = StepRows(0, 40);
  chunk.rewards[10] = kNan;
  ASSERT_OK(old->Insert(chunk, kNow));
  // One was taken, with such a row in it, and may be asked for again.
  ASSERT_OK(old->TakeRollout({1, 1}, {.steps = 16}, kNow));
  chunk = StepRows(1, 40);
  chunk.rewards[10] = kNan;
  ASSERT_OK(old->Insert(chunk, kNow));
  ASSERT_OK(old->Save(folder.File("t")));
  auto shard = make(true);
  ASSERT_OK(shard->Load(folder.File("t")));
  EXPECT_EQ(shard->Stats().rows_left_out, 16 + 2);
  const auto rollout = shard->TakeRollout({1, 1}, {.steps = 32}, kNow);
  ASSERT_OK(rollout);
  for (const float reward : (*rollout)->reward) EXPECT_TRUE(std::isfinite(reward));
  for (const float obs : (*rollout)->bootstrap_obs) EXPECT_TRUE(std::isfinite(obs));
  EXPECT_OK(ValidateRollout(**rollout));
}

// Anything anywhere: what is left is finite, and the file says so too.
TEST(ReplayTableSenseTest, WhateverIsSpoiledNothingOfItIsSampled) {
  TempDir folder;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed, RngRole::kActor, 0);
    const int n_step = 1 + static_cast<int>(rng.UniformInt(5));
    auto old = MakeShard(n_step, /*reject=*/false);
    Fill(old.get(), 12, [&](int, Chunk* chunk) {
      for (std::vector<float>* column : {&chunk->actions, &chunk->rewards, &chunk->extra}) {
        if (rng.UniformInt(4) == 0) (*column)[rng.UniformInt(column->size())] = kNan;
      }
      // Not the first one, which must be the stream's head.
      if (rng.UniformInt(4) == 0) {
        chunk->observations[kSpec.obs_dim * (1 + rng.UniformInt(15))] = kNan;
      }
    });
    ASSERT_OK(old->Save(folder.File("t")));
    auto shard = MakeShard(n_step, /*reject=*/true);
    ASSERT_OK(shard->Load(folder.File("t")));
    EXPECT_EQ(shard->size() + shard->Stats().rows_left_out, 12 * 16);
    if (shard->Counts().eligible > 0) Sampled(shard.get());
    ASSERT_OK(shard->Save(folder.File("u")));
    auto again = MakeShard(n_step, /*reject=*/true);
    ASSERT_OK(again->Load(folder.File("u")));
    EXPECT_EQ(again->Counts().eligible, shard->Counts().eligible);
  }
}

}  // namespace
}  // namespace pmoe
