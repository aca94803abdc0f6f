// Minibatches of two tables: whose row is whose, and to whom errors, saves and rounds go.
#include "replay/client/mixed_replay_client.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "replay/client/direct_replay_client.h"
#include "replay/core/replay_shard.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1};
constexpr int kOwn = 5, kDemos = 3;
constexpr uint32_t kActor = 9;  // of the rows that stand for a file's: their numbers show it
constexpr milliseconds kNow{0};

std::unique_ptr<ReplayShard> NewShard(bool prioritized, uint32_t index) {
  ReplayShardOptions options = {.spec = kSpec, .index = index};
  if (prioritized) {
    options.table.priority = PriorityOptions{.alpha = 1.0,
                                             .beta = 1.0,
                                             .beta_end = 1.0,
                                             .beta_rows = 100,
                                             .update_rows_max = kOwn + kDemos};
  }
  auto shard = ReplayShard::Create(options);
  EXPECT_OK(shard);
  return *std::move(shard);
}

class MixedReplayClientTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(demo_folder_);
    ASSERT_OK(own_->Insert(MakeChunk(kSpec, {.rows = 40}), kNow));
    ASSERT_OK(demos_->Insert(MakeChunk(kSpec, {.actor = kActor, .rows = 20}), kNow));
  }
  Minibatch* Next() {
    const absl::StatusOr<Experience> lesson = mixed_.Next({}, kNow);
    EXPECT_OK(lesson);
    return std::get<Minibatch*>(*lesson);
  }
  // Of which table row i is, by its reward.
  static bool IsDemo(Minibatch* batch, int i) { return batch->obs()[2 * i] >= kDemoObs; }

  static constexpr float kDemoObs = 9000.0f;
  TempDir folder_;
  const std::string demo_folder_ = folder_.File("demos");
  std::unique_ptr<ReplayShard> own_ = NewShard(GetParam(), 0);
  std::unique_ptr<ReplayShard> demos_ = NewShard(GetParam(), 1);
  DirectReplayClient own_client_{own_.get(), kOwn, folder_.path(), {.rows_behind = kDemos}};
  DirectReplayClient demo_client_{demos_.get(), kDemos, demo_folder_};
  MixedReplayClient mixed_{&own_client_, kOwn, &demo_client_};
};

INSTANTIATE_TEST_SUITE_P(Selectors, MixedReplayClientTest, ::testing::Bool());

TEST_P(MixedReplayClientTest, TheLastRowsAreTheSecondTables) {
  for (int n = 0; n < 20; ++n) {
    Minibatch* const batch = Next();
    ASSERT_EQ(batch->size(), kOwn + kDemos);
    for (int i = 0; i < batch->size(); ++i) {
      EXPECT_EQ(IsDemo(batch, i), i >= kOwn) << i << ": " << batch->obs()[2 * i];
      EXPECT_FLOAT_EQ(batch->next_obs()[2 * i], batch->obs()[2 * i] + 1.0f);
      EXPECT_FLOAT_EQ(batch->discount()[i], 0.99f);
      if (GetParam()) {
        EXPECT_GT(batch->weight()[i], 0.0f);
      }
    }
  }
  EXPECT_EQ(own_->Stats().sampled, 20 * kOwn);
  EXPECT_EQ(demos_->Stats().sampled, 20 * kDemos);
}

TEST_P(MixedReplayClientTest, CountsAreTheRunsOwn) {
  const auto stats = mixed_.Stats();
  ASSERT_OK(stats);
  EXPECT_EQ(stats->inserted, 40);
  EXPECT_EQ(stats->size, 40);
}

TEST_P(MixedReplayClientTest, ACheckpointHoldsTheNextMinibatchesOfBoth) {
  Next();
  ASSERT_OK(mixed_.Save("a"));
  ASSERT_OK(mixed_.Save("b"));
  const auto rows = [this] {
    Minibatch* const batch = Next();
    return std::vector<float>(batch->obs(), batch->obs() + 2 * batch->size());
  };
  const std::vector<float> first = rows(), second = rows();
  EXPECT_NE(first, second);
  ASSERT_OK(mixed_.Restore("a"));
  EXPECT_EQ(rows(), first);
  EXPECT_EQ(rows(), second);
  ASSERT_OK(mixed_.KeepOnly({"b"}));
  EXPECT_FALSE(std::filesystem::exists(folder_.File("demos/a.table")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("demos/b.table")));
  EXPECT_FALSE(std::filesystem::exists(folder_.File("a.table")));
}

// A learner whose wait ran out asks again: the rows that it has already must not be drawn twice.
TEST_P(MixedReplayClientTest, AWaitForTheSecondTableCostsTheFirstNothing) {
  const auto empty = NewShard(GetParam(), 2);
  DirectReplayClient none(empty.get(), kDemos, demo_folder_);
  MixedReplayClient mixed(&own_client_, kOwn, &none);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(mixed.Next({}, kNow).ok());
  EXPECT_EQ(own_->Stats().sampled, kOwn);
  ASSERT_OK(empty->Insert(MakeChunk(kSpec, {.actor = kActor, .rows = 20}), kNow));
  ASSERT_OK(mixed.Next({}, kNow));
  EXPECT_EQ(own_->Stats().sampled, kOwn);
}

// One row of each table gets nearly all of the priority: from then on it is nearly all there is.
TEST_P(MixedReplayClientTest, ErrorsGoToTheTableThatGaveTheRow) {
  if (!GetParam()) GTEST_SKIP() << "no priorities";
  const auto update = [this](Minibatch* batch, float own, float demo) {
    std::vector<float> errors(static_cast<size_t>(batch->size()), 1e-9f);
    errors[0] = own;
    errors[kOwn] = demo;
    ASSERT_OK(mixed_.UpdatePriorities(errors));
  };
  for (int i = 0; i < 200; ++i) update(Next(), 1e-9f, 1e-9f);  // every row was met
  Minibatch* const batch = Next();
  const float own = batch->obs()[0], demo = batch->obs()[2 * kOwn];
  update(batch, 1e6f, 1e3f);
  for (int n = 0; n < 10; ++n) {
    Minibatch* const next = Next();
    for (int i = 0; i < next->size(); ++i) {
      EXPECT_EQ(next->obs()[2 * i], i < kOwn ? own : demo) << i;
    }
  }
}

}  // namespace
}  // namespace pmoe
