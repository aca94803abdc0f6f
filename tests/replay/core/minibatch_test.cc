#include "replay/core/minibatch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace pmoe {
namespace {

TEST(MinibatchTest, AlignsEveryColumnTo64Bytes) {
  Minibatch batch({.obs_dim = 17, .action_dim = 6}, 7);
  const void* columns[] = {batch.obs(),      batch.action(),   batch.reward(),
                           batch.discount(), batch.next_obs(), batch.policy_version()};
  for (const void* column : columns) EXPECT_EQ(reinterpret_cast<uintptr_t>(column) % 64, 0u);
}

TEST(MinibatchTest, KeepsItsColumnsApart) {
  Minibatch batch({.obs_dim = 3, .action_dim = 2}, 5);
  std::fill_n(batch.obs(), 15, 1.0f);
  std::fill_n(batch.action(), 10, 2.0f);
  std::fill_n(batch.reward(), 5, 3.0f);
  std::fill_n(batch.discount(), 5, 4.0f);
  std::fill_n(batch.next_obs(), 15, 5.0f);
  std::fill_n(batch.policy_version(), 5, 6u);
  EXPECT_EQ(std::count(batch.obs(), batch.obs() + 15, 1.0f), 15);
  EXPECT_EQ(std::count(batch.action(), batch.action() + 10, 2.0f), 10);
  EXPECT_EQ(std::count(batch.reward(), batch.reward() + 5, 3.0f), 5);
  EXPECT_EQ(std::count(batch.discount(), batch.discount() + 5, 4.0f), 5);
  EXPECT_EQ(std::count(batch.next_obs(), batch.next_obs() + 15, 5.0f), 15);
}

TEST(MinibatchTest, SequencesHaveTheirColumnsBehindTheOthersWithoutPadding) {
  constexpr TableSpec kSpec{.obs_dim = 3, .action_dim = 2};
  constexpr BatchShape kShape{.size = 3, .sequence_rows = 5, .prioritized = true};
  constexpr size_t kBytes = 15 * 4 * (3 + 2 + 1 + 1 + 3 + 1) + 3 * (4 + 8) + 3 * 4 + 15;
  ASSERT_EQ(PackedBytes(kSpec, kShape), kBytes);
  std::vector<float> message(kBytes / 4 + 1);
  Minibatch batch(kSpec, kShape, {reinterpret_cast<char*>(message.data()), kBytes});
  EXPECT_EQ(batch.size(), 3);
  EXPECT_EQ(batch.rows(), 15);
  EXPECT_EQ(batch.reward(), batch.action() + 2 * 15);
  EXPECT_EQ(static_cast<void*>(batch.weight()), batch.policy_version() + 15);
  EXPECT_EQ(static_cast<void*>(batch.key()), batch.weight() + 3);
  EXPECT_EQ(static_cast<void*>(batch.length()), batch.key() + 3);
  EXPECT_EQ(static_cast<void*>(batch.flags()), batch.length() + 3);
  Minibatch own(kSpec, kShape);
  for (const void* column :
       std::initializer_list<const void*>{own.next_obs(), own.key(), own.length(), own.flags()}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(column) % 64, 0u);
  }
}

TEST(MinibatchTest, KnowsWhichOfItsRowsWereGiven) {
  Minibatch rows({.obs_dim = 1, .action_dim = 1}, 4);
  EXPECT_EQ(rows.given_rows(), 4);
  EXPECT_EQ(rows.length(), nullptr);
  Minibatch sequences({.obs_dim = 1, .action_dim = 1}, {.size = 2, .sequence_rows = 8});
  sequences.length()[0] = 8;
  sequences.length()[1] = 3;
  EXPECT_EQ(sequences.given_rows(), 11);
  EXPECT_EQ(sequences.weight(), nullptr);
}

TEST(MinibatchTest, APartIsTheSameMemoryFromItsRowOn) {
  for (const bool prioritized : {false, true}) {
    Minibatch batch({.obs_dim = 3, .action_dim = 2}, 5, prioritized);
    Minibatch part = batch.Part(3, 2);
    EXPECT_EQ(part.size(), 2);
    EXPECT_EQ(part.obs(), batch.obs() + 9);
    EXPECT_EQ(part.action(), batch.action() + 6);
    EXPECT_EQ(part.reward(), batch.reward() + 3);
    EXPECT_EQ(part.discount(), batch.discount() + 3);
    EXPECT_EQ(part.next_obs(), batch.next_obs() + 9);
    EXPECT_EQ(part.policy_version(), batch.policy_version() + 3);
    EXPECT_EQ(part.prioritized(), prioritized);
    if (!prioritized) continue;
    EXPECT_EQ(part.weight(), batch.weight() + 3);
    EXPECT_EQ(part.key(), batch.key() + 3);
  }
}

TEST(MinibatchTest, IsPackedIntoAMessageWithoutPadding) {
  constexpr TableSpec kSpec{.obs_dim = 3, .action_dim = 2};
  std::vector<float> message(5 * (3 + 2 + 1 + 1 + 3 + 1), 9.0f);
  ASSERT_EQ(PackedBytes(kSpec, 5), 4 * message.size());
  Minibatch batch(kSpec, 5, {reinterpret_cast<char*>(message.data()), 4 * message.size()});
  EXPECT_EQ(batch.obs(), message.data());
  EXPECT_EQ(batch.action(), batch.obs() + 15);
  EXPECT_EQ(batch.reward(), batch.action() + 10);
  EXPECT_EQ(batch.discount(), batch.reward() + 5);
  EXPECT_EQ(batch.next_obs(), batch.discount() + 5);
  EXPECT_EQ(static_cast<void*>(batch.policy_version()), batch.next_obs() + 15);
  EXPECT_EQ(std::count(message.begin(), message.end(), 9.0f), 55) << "nothing is wiped";
}

}  // namespace
}  // namespace pmoe
