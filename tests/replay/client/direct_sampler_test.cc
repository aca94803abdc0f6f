#include "replay/client/direct_client.h"

#include <gtest/gtest.h>

#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1};

TEST(DirectBatchSamplerTest, GivesBatchesOfItsSize) {
  auto shard = ReplayShard::Create({.spec = kSpec});
  ASSERT_OK(shard);
  ASSERT_OK((*shard)->Insert(MakeChunk(kSpec, {.rows = 5}), std::chrono::milliseconds(0)));
  DirectBatchSampler sampler(shard->get(), 32);
  const auto batch = sampler.Next(std::chrono::seconds(1));
  ASSERT_OK(batch);
  EXPECT_EQ((*batch)->size(), 32);
}

TEST(DirectBatchSamplerTest, SaysThatThereIsNothingToSample) {
  auto shard = ReplayShard::Create({.spec = kSpec});
  ASSERT_OK(shard);
  DirectBatchSampler sampler(shard->get(), 32);
  EXPECT_THAT(sampler.Next(std::chrono::seconds(1)),
              FailsWith(absl::StatusCode::kFailedPrecondition, "nothing to sample"));
}

}  // namespace
}  // namespace pmoe
