#include "replay/client/direct_rollout_source.h"

#include <gtest/gtest.h>

#include "tests/replay/core/rollout_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

TEST(DirectRolloutSourceTest, HandsOutTheShardsRolloutsOneAfterTheOther) {
  ReplayShardOptions options;
  options.spec = kRolloutSpec;
  options.table.fifo = FifoOptions{.rollout_steps = 4};
  const auto shard = ReplayShard::Create(options);
  ASSERT_OK(shard);
  DirectRolloutSource source(shard->get());
  EXPECT_THAT(source.Take({.steps = 4}, milliseconds(0)),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "none of them sends rows"));
  ASSERT_OK((*shard)->Insert(VersionChunk({.rows = 8}, 1), milliseconds(0)));
  for (const char* const first : {"0.0@0", "0.0@4"}) {
    const auto rollout = source.Take({.steps = 4}, milliseconds(0));
    ASSERT_OK(rollout);
    EXPECT_EQ(RowNames(**rollout).front(), first);
  }
}

}  // namespace
}  // namespace pmoe
