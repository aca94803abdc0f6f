// What DirectWriterTest, which sees the chunks through a shard, cannot see.
#include "replay/client/chunk_builder.h"

#include <gtest/gtest.h>

#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

class ChunkBuilderTest : public ::testing::Test {
 protected:
  absl::Status Step(uint32_t env) {
    const float obs[] = {static_cast<float>(steps_[env]++)};
    const float next[] = {static_cast<float>(steps_[env])};
    const float action[] = {0.5f};
    return builder_.Add(env, {.obs = obs, .action = action, .next_obs = next});
  }

  std::vector<Chunk> sent_;
  int steps_[2] = {};
  ChunkBuilder builder_{{.envs = 2}, {.obs_dim = 1, .action_dim = 1}, [this](Chunk chunk) {
                          sent_.push_back(std::move(chunk));
                          return absl::OkStatus();
                        }};
};

TEST_F(ChunkBuilderTest, AFlushOfStaleChunksSendsWhatWasBegunBeforeTheOneBefore) {
  ASSERT_OK(Step(0));
  ASSERT_OK(builder_.FlushStale());
  EXPECT_TRUE(sent_.empty());
  ASSERT_OK(Step(0));
  ASSERT_OK(Step(1));
  ASSERT_OK(builder_.FlushStale());
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].env, 0u);
  EXPECT_EQ(sent_[0].rows, 2u);
  ASSERT_OK(builder_.FlushStale());
  ASSERT_EQ(sent_.size(), 2u);
  EXPECT_EQ(sent_[1].env, 1u);
}

TEST_F(ChunkBuilderTest, AFlushOfStaleChunksLeavesThoseThatFillUpInBetweenAlone) {
  for (int i = 0; i < 10 * kPageRows; ++i) {
    ASSERT_OK(Step(0));
    if (i % kPageRows != 20) continue;
    ASSERT_OK(builder_.FlushStale());
  }
  ASSERT_EQ(sent_.size(), 10u);
  for (const Chunk& chunk : sent_) EXPECT_EQ(chunk.rows, static_cast<uint32_t>(kPageRows));
}

}  // namespace
}  // namespace pmoe
