#include "replay/service/replay_dump.h"

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "replay/core/replay_shard.h"
#include "replay/core/row_crc.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};

// Of a table and of a queue.
void ExpectALineForEachTransition(const ReplayShardOptions& options) {
  TempDir folder;
  auto shard = ReplayShard::Create(options);
  ASSERT_OK(shard);
  const Chunk chunk = MakeChunk(
      kSpec, {.actor = 3, .epoch = 2, .env = 1, .first_step = 7, .rows = 2, .terminated = true});
  ASSERT_OK((*shard)->Insert(chunk, std::chrono::seconds(0)));
  ASSERT_OK((*shard)->Save(folder.File("a.table")));
  std::FILE* out = std::fopen(folder.File("dump").c_str(), "w");
  ASSERT_OK(DumpTable(folder.File("a.table"), out));
  std::fclose(out);
  // What the writer would note down.
  std::string want;
  for (uint32_t i = 0; i < 2; ++i) {
    const Transition sent{.obs = absl::MakeConstSpan(&chunk.observations[i], 1),
                          .action = absl::MakeConstSpan(&chunk.actions[i], 1),
                          .reward = chunk.rewards[i],
                          .terminated = i == 1,
                          .next_obs = absl::MakeConstSpan(&chunk.observations[i + 1], 1),
                          .policy_version = 7 + i};
    want += absl::StrCat("3 2 1 ", 7 + i, " ", absl::Hex(RowCrc(sent), absl::kZeroPad8), " ", 7 + i,
                         "\n");
  }
  EXPECT_EQ(*ReadFile(folder.File("dump")), want);
}

TEST(ReplayDumpTest, PrintsALineForEachTransition) {
  ExpectALineForEachTransition({.spec = kSpec});
}

TEST(ReplayDumpTest, PrintsTheRowsThatWaitToBeTaken) {
  ReplayShardOptions options;
  options.spec = kSpec;
  options.table.fifo = FifoOptions{.rollout_steps = 8};
  ExpectALineForEachTransition(options);
}

TEST(ReplayDumpTest, TheFingerprintSeesEveryPartOfARow) {
  const float numbers[] = {1.0f, 2.0f};
  const auto row = [&numbers](int obs, int action, int next) {
    return Transition{.obs = absl::MakeConstSpan(&numbers[obs], 1),
                      .action = absl::MakeConstSpan(&numbers[action], 1),
                      .next_obs = absl::MakeConstSpan(&numbers[next], 1)};
  };
  const uint32_t base = RowCrc(row(0, 0, 0));
  EXPECT_NE(RowCrc(row(1, 0, 0)), base);
  EXPECT_NE(RowCrc(row(0, 1, 0)), base);
  EXPECT_NE(RowCrc(row(0, 0, 1)), base);
  for (const auto change :
       {+[](Transition* t) { t->reward = 1.0f; }, +[](Transition* t) { t->terminated = true; },
        +[](Transition* t) { t->truncated = true; },
        +[](Transition* t) { t->policy_version = 1; }}) {
    Transition changed = row(0, 0, 0);
    change(&changed);
    EXPECT_NE(RowCrc(changed), base);
  }
}

TEST(ReplayDumpTest, NamesAFileThatIsNoTable) {
  TempDir folder;
  EXPECT_THAT(DumpTable(folder.File("none"), stdout),
              FailsWith(absl::StatusCode::kNotFound, folder.File("none")));
}

}  // namespace
}  // namespace pmoe
