#include <gtest/gtest.h>

#include "replay/core/replay_shard.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1, .extra_dim = 1};

std::unique_ptr<ReplayShard> MakeShard() {
  auto shard = ReplayShard::Create({.spec = kSpec, .table = {.capacity = 1000, .n_step = 3}});
  EXPECT_OK(shard);
  return *std::move(shard);
}

std::vector<std::string> Names(const std::string& path) {
  std::vector<std::string> names;
  const auto table = ReplayTable::FromFile(path);
  EXPECT_OK(table);
  if (!table.ok()) return names;
  table->VisitSteps([&names](const StoredStep& row) {
    names.push_back(absl::StrCat(row.actor, " ", row.epoch, " ", row.env, " ", row.step));
    EXPECT_EQ(row.transition.reward, static_cast<float>(row.step));
    EXPECT_EQ(row.transition.obs[0], ObsValue(row.actor, row.env, row.step));
    EXPECT_EQ(row.transition.next_obs[1], ObsValue(row.actor, row.env, row.step + 1) + 0.125f);
    EXPECT_EQ(row.transition.action[0], -row.transition.reward);
    EXPECT_EQ(row.transition.extra[0], 2.0f * row.transition.reward);
    EXPECT_EQ(row.transition.policy_version, row.step);
  });
  return names;
}

TEST(ReplayTableVisitTest, NamesEveryRowAsItsWriterDid) {
  TempDir folder;
  auto shard = MakeShard();
  std::vector<std::string> want;
  uint64_t seq = 0;
  // Pages begin and end within episodes, at an episode's end, at a gap and at a newer epoch.
  for (const ChunkPlan& plan :
       {ChunkPlan{.epoch = 1, .rows = 64}, ChunkPlan{.epoch = 1, .first_step = 64, .rows = 20},
        ChunkPlan{.epoch = 1, .first_step = 84, .rows = 42, .terminated = true},
        ChunkPlan{.epoch = 1, .first_step = 126, .rows = 10},
        ChunkPlan{.epoch = 1, .first_step = 200, .rows = 3},
        ChunkPlan{.epoch = 2, .first_step = 0, .rows = 2}}) {
    Chunk chunk = MakeChunk(kSpec, plan);
    if (plan.epoch == 2) seq = 0;
    chunk.seq = seq++;
    ASSERT_OK(shard->Insert(chunk, milliseconds(0)));
    for (uint32_t i = 0; i < plan.rows; ++i) {
      want.push_back(absl::StrCat("0 ", plan.epoch, " 0 ", plan.first_step + i));
    }
  }
  ASSERT_OK(shard->Save(folder.File("a")));
  EXPECT_EQ(Names(folder.File("a")), want);
}

TEST(ReplayTableVisitTest, GoesStreamByStream) {
  TempDir folder;
  auto shard = MakeShard();
  ASSERT_OK(shard->Insert(MakeChunk(kSpec, {.actor = 1, .env = 1}), milliseconds(0)));
  ASSERT_OK(shard->Insert(MakeChunk(kSpec, {.actor = 0, .env = 1}), milliseconds(0)));
  ASSERT_OK(shard->Insert(MakeChunk(kSpec, {.actor = 1, .env = 0, .seq = 1}), milliseconds(0)));
  ASSERT_OK(shard->Save(folder.File("a")));
  EXPECT_EQ(Names(folder.File("a")), (std::vector<std::string>{"0 0 1 0", "1 0 0 0", "1 0 1 0"}));
}

TEST(ReplayTableVisitTest, RefusesADamagedFile) {
  TempDir folder;
  ASSERT_OK(MakeShard()->Save(folder.File("a")));
  FlipBit(folder.File("a"), 8 * 40);
  EXPECT_THAT(ReplayTable::FromFile(folder.File("a")),
              FailsWith(absl::StatusCode::kDataLoss, folder.File("a")));
}

}  // namespace
}  // namespace pmoe
