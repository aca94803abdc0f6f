#include "run/sample_lag.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "replay/core/minibatch.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};

Minibatch BatchOf(const std::vector<uint32_t>& versions) {
  Minibatch batch(kSpec, static_cast<int>(versions.size()));
  std::copy(versions.begin(), versions.end(), batch.policy_version());
  return batch;
}

TEST(SampleLagTest, IsTheMeanDistanceToTheNewestVersion) {
  SampleLag lag;
  for (const uint64_t version : {1, 2, 3, 4, 5}) lag.OnPublish(version);
  Minibatch batch = BatchOf({5, 5, 4, 2});
  lag.OnRows({batch.policy_version(), static_cast<size_t>(batch.size())});
  const std::optional<SampleLag::Means> means = lag.Drain();
  ASSERT_TRUE(means.has_value());
  EXPECT_DOUBLE_EQ(means->versions, (0 + 0 + 1 + 3) / 4.0);
  EXPECT_GE(means->seconds.value(), 0.0);
}

TEST(SampleLagTest, RowsOfTheWarmUpAndOfNoKnownVersionDoNotCount) {
  SampleLag lag;
  lag.OnPublish(3);
  Minibatch batch = BatchOf({0, 0, 1, 9});
  lag.OnRows({batch.policy_version(), static_cast<size_t>(batch.size())});
  EXPECT_DOUBLE_EQ(lag.Drain().value().versions, 2.0);
}

TEST(SampleLagTest, ADrainStartsAnew) {
  SampleLag lag;
  lag.OnPublish(3);
  Minibatch batch = BatchOf({1});
  lag.OnRows({batch.policy_version(), static_cast<size_t>(batch.size())});
  EXPECT_DOUBLE_EQ(lag.Drain().value().versions, 2.0);
  EXPECT_FALSE(lag.Drain().has_value());
}

TEST(SampleLagTest, ARestartedLearnerMayJumpAhead) {
  SampleLag lag;
  lag.OnPublish(3);
  lag.OnPublish(1000);
  lag.OnPublish(999);  // never backwards
  Minibatch batch = BatchOf({998});
  lag.OnRows({batch.policy_version(), static_cast<size_t>(batch.size())});
  EXPECT_DOUBLE_EQ(lag.Drain().value().versions, 2.0);
}

// A row's version is any number that a peer likes, and a learner goes on above the highest it hears
// of: a vector as long as the versions between once ended it.
TEST(SampleLagTest, TheHighestVersionThereIsCostsNoMemoryAndNoTime) {
  SampleLag lag;
  lag.OnPublish(1);
  lag.OnPublish(UINT32_MAX);
  lag.OnPublish(UINT64_MAX);
  Minibatch batch = BatchOf({1, UINT32_MAX});
  lag.OnRows({batch.policy_version(), static_cast<size_t>(batch.size())});
  EXPECT_GT(lag.Drain().value().versions, 1e18);
}

TEST(SampleLagTest, WhatWasNotDrainedSurvivesACheckpoint) {
  SampleLag before;
  before.OnPublish(10);
  Minibatch first = BatchOf({4});
  before.OnRows({first.policy_version(), static_cast<size_t>(first.size())});
  ByteWriter out;
  before.SaveState(&out);
  const std::string bytes = out.Take();
  SampleLag after;
  ByteReader in(bytes);
  after.LoadState(&in);
  Minibatch second = BatchOf({8});
  after.OnRows({second.policy_version(), static_cast<size_t>(second.size())});
  EXPECT_DOUBLE_EQ(after.Drain().value().versions, (6 + 2) / 2.0);
}

}  // namespace
}  // namespace pmoe
