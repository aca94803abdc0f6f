#include "replay/client/direct_replay_client.h"

#include <gtest/gtest.h>

#include <thread>

#include "replay/core/sequence.h"
#include "tests/replay/core/rollout_testing.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};
constexpr int kBatch = 32;

class DirectReplayClientTest : public ::testing::Test {
 protected:
  static std::unique_ptr<ReplayShard> NewShard() {
    auto shard = ReplayShard::Create({.spec = kSpec, .stage = {.actors = 1}});
    EXPECT_OK(shard);
    return *std::move(shard);
  }
  absl::Status Stage(uint64_t round) {
    return shard_->Stage(MakeChunk(kSpec, {.seq = round,
                                           .first_step = 10 * round,
                                           .round = round,
                                           .rows = 10,
                                           .last_of_round = true}));
  }

  TempDir folder_;
  std::unique_ptr<ReplayShard> shard_ = NewShard();
  DirectReplayClient client_{shard_.get(), kBatch, folder_.path()};
};

TEST_F(DirectReplayClientTest, ACommitWaitsForTheRoundsLastChunk) {
  std::thread actor([this] { EXPECT_OK(Stage(0)); });
  EXPECT_OK(client_.Commit(0, milliseconds(20'000)));
  actor.join();
  const auto stats = client_.Stats();
  ASSERT_OK(stats);
  EXPECT_EQ(stats->inserted, 10);
}

TEST_F(DirectReplayClientTest, ACommitThatWaitsInVainSaysForWhom) {
  EXPECT_THAT(client_.Commit(0, milliseconds(1)),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "waiting for actor 0"));
}

TEST_F(DirectReplayClientTest, ASavedTableComesBackUnderItsName) {
  ASSERT_OK(Stage(0));
  ASSERT_OK(client_.Commit(0, milliseconds(1)));
  ASSERT_OK(client_.Save("step-10"));
  const auto other = NewShard();
  DirectReplayClient client(other.get(), kBatch, folder_.path());
  EXPECT_FALSE(client.Restore("step-20").ok());
  ASSERT_OK(client.Restore("step-10"));
  EXPECT_EQ(other->size(), 10);
}

TEST_F(DirectReplayClientTest, KeepsTheTablesNamedAndWhatIsNoTable) {
  for (const char* name : {"a", "b", "c"}) ASSERT_OK(client_.Save(name));
  std::ofstream(folder_.File("d.table.tmp")) << "of a killed process";
  std::ofstream(folder_.File("notes")) << "mine";
  ASSERT_OK(client_.KeepOnly({"b", "c"}));
  EXPECT_FALSE(std::filesystem::exists(folder_.File("a.table")));
  EXPECT_FALSE(std::filesystem::exists(folder_.File("d.table.tmp")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("b.table")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("c.table")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("notes")));
}

TEST_F(DirectReplayClientTest, GivesMinibatchesOfItsSize) {
  EXPECT_THAT(client_.Next({}, milliseconds(0)),
              FailsWith(absl::StatusCode::kFailedPrecondition, "nothing to sample"));
  ASSERT_OK(Stage(0));
  ASSERT_OK(client_.Commit(0, milliseconds(1)));
  const auto lesson = client_.Next({}, milliseconds(0));
  ASSERT_OK(lesson);
  EXPECT_EQ(std::get<Minibatch*>(*lesson)->size(), kBatch);
  EXPECT_EQ(PolicyVersions(*lesson).size(), size_t{kBatch});
}

TEST_F(DirectReplayClientTest, GivesSequencesWhereTheyAreAskedFor) {
  ASSERT_OK(Stage(0));
  ASSERT_OK(client_.Commit(0, milliseconds(1)));
  DirectReplayClient client(shard_.get(), kBatch, folder_.path(), {.sequence_rows = 4});
  const auto lesson = client.Next({}, milliseconds(0));
  ASSERT_OK(lesson);
  Minibatch* const batch = std::get<Minibatch*>(*lesson);
  EXPECT_EQ(batch->size(), kBatch);
  EXPECT_EQ(batch->sequence_rows(), 4);
  EXPECT_OK(CheckSequences(*batch, 0, kBatch));
  EXPECT_EQ(PolicyVersions(*lesson).size(), size_t{4 * kBatch});
}

TEST_F(DirectReplayClientTest, AnOnPolicyShardHasNoSequences) {
  ReplayShardOptions options;
  options.spec = kRolloutSpec;
  options.table.fifo = FifoOptions{.rollout_steps = 4};
  const auto shard = ReplayShard::Create(options);
  ASSERT_OK(shard);
  DirectReplayClient client(shard->get(), kBatch, folder_.path(), {.sequence_rows = 4});
  EXPECT_THAT(client.Next({.steps = 4}, milliseconds(0)),
              FailsWith(absl::StatusCode::kFailedPrecondition, "taken once, with TakeRollout"));
}

TEST_F(DirectReplayClientTest, GivesTheRolloutsOfAnOnPolicyShardOneAfterTheOther) {
  ReplayShardOptions options;
  options.spec = kRolloutSpec;
  options.table.fifo = FifoOptions{.rollout_steps = 4};
  const auto shard = ReplayShard::Create(options);
  ASSERT_OK(shard);
  DirectReplayClient client(shard->get(), kBatch, folder_.path());
  EXPECT_THAT(client.Next({.steps = 4}, milliseconds(0)),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "none of them sends rows"));
  ASSERT_OK((*shard)->Insert(VersionChunk({.rows = 8}, 7), milliseconds(0)));
  for (const char* const first : {"0.0@0", "0.0@4"}) {
    const auto lesson = client.Next({.steps = 4}, milliseconds(0));
    ASSERT_OK(lesson);
    EXPECT_EQ(RowNames(*std::get<const Rollout*>(*lesson)).front(), first);
    EXPECT_THAT(PolicyVersions(*lesson), ::testing::Each(7u));
  }
}

}  // namespace
}  // namespace pmoe
