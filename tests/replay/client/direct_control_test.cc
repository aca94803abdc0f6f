#include "replay/client/direct_client.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};

class DirectControlTest : public ::testing::Test {
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

  TestFolder folder_;
  std::unique_ptr<ReplayShard> shard_ = NewShard();
  DirectReplayControl control_{shard_.get(), folder_.path()};
};

TEST_F(DirectControlTest, ACommitWaitsForTheRoundsLastChunk) {
  std::thread actor([this] { EXPECT_OK(Stage(0)); });
  EXPECT_OK(control_.Commit(0, milliseconds(20'000)));
  actor.join();
  const auto stats = control_.Stats();
  ASSERT_OK(stats);
  EXPECT_EQ(stats->inserted, 10);
}

TEST_F(DirectControlTest, ACommitThatWaitsInVainSaysForWhom) {
  EXPECT_THAT(control_.Commit(0, milliseconds(1)),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "waiting for actor 0"));
}

TEST_F(DirectControlTest, ASavedTableComesBackUnderItsName) {
  ASSERT_OK(Stage(0));
  ASSERT_OK(control_.Commit(0, milliseconds(1)));
  ASSERT_OK(control_.Save("step-10"));
  const auto other = NewShard();
  DirectReplayControl control(other.get(), folder_.path());
  EXPECT_FALSE(control.Restore("step-20").ok());
  ASSERT_OK(control.Restore("step-10"));
  EXPECT_EQ(other->size(), 10);
}

TEST_F(DirectControlTest, KeepsOneTableAndWhatIsNoTable) {
  ASSERT_OK(control_.Save("a"));
  ASSERT_OK(control_.Save("b"));
  std::ofstream(folder_.File("notes")) << "mine";
  ASSERT_OK(control_.KeepOnly("b"));
  EXPECT_FALSE(std::filesystem::exists(folder_.File("a.table")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("b.table")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("notes")));
}

}  // namespace
}  // namespace pmoe
