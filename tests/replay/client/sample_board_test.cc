// The board between a learner and connections that the test plays by hand.
#include "replay/client/sample_board.h"

#include <gtest/gtest.h>

#include <thread>

#include "replay/client/replay_client.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};
constexpr int kBatch = 8;
constexpr milliseconds kNow{0};
constexpr auto kLate = absl::StatusCode::kDeadlineExceeded;

SampleBoardOptions Options(int shards, bool lockstep = false) {
  return {.spec = kSpec, .batch_size = kBatch, .shards = shards, .lockstep = lockstep};
}

// Answers the oldest request of the shard; every row's reward is the shard's number.
BatchSlot Answer(SampleBoard* board, int shard, const ShardCounts& counts) {
  const absl::StatusOr<BatchSlot> slot = board->NextSlot(shard);
  EXPECT_OK(slot);
  for (int i = 0; i < slot->rows; ++i) {
    slot->batch->reward()[slot->row + i] = static_cast<float>(shard);
  }
  board->OnReply(shard, counts);
  return *slot;
}

// The shard's connection opens and its size is known.
void Meet(SampleBoard* board, int shard, int64_t rows) {
  board->OnConnect(shard);
  EXPECT_EQ(board->AwaitRequest(shard)->rows, 0u);
  Answer(board, shard, {rows, rows, rows});
}

void Lose(SampleBoard* board, int shard, const std::string& why = "killed") {
  board->EndRequests(shard);
  board->OnLost(shard, absl::UnavailableError(why));
}

// Requests that the shard has not been sent yet.
std::vector<uint32_t> Requests(SampleBoard* board, int shard, int count) {
  std::vector<uint32_t> rows;
  for (int i = 0; i < count; ++i) rows.push_back(board->AwaitRequest(shard)->rows);
  return rows;
}

TEST(SampleBoardTest, LockstepAsksForWhatIsExpectedAndNoMore) {
  SampleBoard board(Options(1, /*lockstep=*/true));
  board.OnConnect(0);
  board.Expect(6);
  EXPECT_EQ(Requests(&board, 0, 4), std::vector<uint32_t>(4, kBatch));  // in flight
  for (int i = 0; i < 6; ++i) {
    Answer(&board, 0, {});
    ASSERT_OK(board.Next(kNow));
    if (i >= 2) continue;
    EXPECT_EQ(board.AwaitRequest(0)->rows, static_cast<uint32_t>(kBatch));
  }
  EXPECT_THAT(board.NextSlot(0), FailsWith(absl::StatusCode::kDataLoss, "nobody asked for"));
}

TEST(SampleBoardTest, APrioritizedMinibatchInLockstepWaitsForWhatTheOneBeforeFound) {
  SampleBoardOptions options = Options(1, /*lockstep=*/true);
  options.prioritized = true;
  SampleBoard board(options);
  board.OnConnect(0);
  for (int round = 0; round < 2; ++round) {
    board.Expect(2);
    for (int i = 0; i < 2; ++i) {
      // While the learner learns nothing is asked for, whatever happens.
      EXPECT_THAT(board.NextSlot(0), FailsWith(absl::StatusCode::kDataLoss, "nobody asked for"));
      std::thread answer([&board] {
        EXPECT_EQ(board.AwaitRequest(0)->rows, static_cast<uint32_t>(kBatch));
        Answer(&board, 0, {});
      });
      ASSERT_OK(board.Next(std::chrono::seconds(20)));
      answer.join();
    }
  }
  EXPECT_THAT(board.NextSlot(0), FailsWith(absl::StatusCode::kDataLoss, "nobody asked for"));
}

TEST(SampleBoardTest, AMinibatchStaysAsItIsUntilTheNextOneIsTaken) {
  SampleBoard board(Options(1));
  board.OnConnect(0);
  Requests(&board, 0, 4);
  for (int i = 0; i < 4; ++i) {
    const BatchSlot slot = Answer(&board, 0, {});
    slot.batch->action()[0] = static_cast<float>(i);
  }
  const absl::StatusOr<Minibatch*> first = board.Next(kNow);
  ASSERT_OK(first);
  // The fifth is asked for now; its memory is none of those that hold finished minibatches.
  Requests(&board, 0, 1);
  board.NextSlot(0)->batch->action()[0] = 99.0f;
  EXPECT_EQ((*first)->action()[0], 0.0f);
  for (int i = 1; i < 4; ++i) EXPECT_EQ((*board.Next(kNow))->action()[0], static_cast<float>(i));
}

TEST(SampleBoardTest, WhatALostConnectionOwedIsAskedAgainInOrder) {
  SampleBoard board(Options(1));
  board.OnConnect(0);
  Requests(&board, 0, 3);
  const Minibatch* const first = Answer(&board, 0, {}).batch;
  const Minibatch* const second = board.NextSlot(0)->batch;
  Lose(&board, 0);
  board.OnConnect(0);
  EXPECT_EQ(Requests(&board, 0, 3), std::vector<uint32_t>(3, kBatch));
  EXPECT_EQ(board.NextSlot(0)->batch, second);
  EXPECT_EQ(*board.Next(kNow), first);
}

TEST(SampleBoardTest, LockstepEndsWhenMinibatchesUnderWayAreLost) {
  SampleBoard board(Options(1, /*lockstep=*/true));
  board.SetName(0, "replay 0 at unix:/tmp/r");
  board.OnConnect(0);
  Lose(&board, 0);  // nothing was under way
  board.Expect(2);
  EXPECT_THAT(board.Next(kNow), FailsWith(kLate, ""));
  board.OnConnect(0);
  Requests(&board, 0, 1);
  Lose(&board, 0);
  EXPECT_THAT(board.Next(kNow),
              FailsWith(absl::StatusCode::kAborted,
                        "lost replay 0 at unix:/tmp/r, which still owed 1 minibatch (killed)"));
}

// Shards that have been met and answer by themselves, each on its own thread, until the end.
class Players {
 public:
  Players(SampleBoard* board, std::vector<int64_t> rows) : board_(board), rows_(std::move(rows)) {
    for (size_t i = 0; i < rows_.size(); ++i) {
      threads_.emplace_back([this, shard = static_cast<int>(i)] { Play(shard); });
    }
  }
  ~Players() {
    for (size_t i = 0; i < threads_.size(); ++i) End(static_cast<int>(i));
  }
  void End(int shard) {
    std::thread& thread = threads_[static_cast<size_t>(shard)];
    if (!thread.joinable()) return;
    board_->EndRequests(shard);
    thread.join();
  }

 private:
  void Play(int shard) {
    const int64_t rows = rows_[static_cast<size_t>(shard)];
    while (board_->AwaitRequest(shard).has_value()) Answer(board_, shard, {rows, rows, rows});
  }

  SampleBoard* const board_;
  const std::vector<int64_t> rows_;
  std::vector<std::thread> threads_;
};

constexpr milliseconds kSoon{20'000};  // ends a test that would hang

TEST(SampleBoardTest, EachRowComesFromAShardInProportionToItsRows) {
  SampleBoard board(Options(3));
  // All are met before the first draw, so that each draw knows all sizes.
  const std::vector<int64_t> rows = {1000, 3000, 0};
  for (int shard = 0; shard < 3; ++shard) Meet(&board, shard, rows[static_cast<size_t>(shard)]);
  Players players(&board, rows);
  int drawn[3] = {};
  constexpr int kBatches = 2000;
  for (int i = 0; i < kBatches; ++i) {
    const absl::StatusOr<Minibatch*> batch = board.Next(kSoon);
    ASSERT_OK(batch);
    for (int row = 0; row < kBatch; ++row) ++drawn[static_cast<int>((*batch)->reward()[row])];
  }
  // Binomial(16000, 1/4): mean 4000, standard deviation 55.
  EXPECT_NEAR(drawn[0], 4000, 4 * 55);
  EXPECT_EQ(drawn[2], 0);
}

TEST(SampleBoardTest, RowsAskedOfAShardThatWentAwayAreAskedOfTheOthers) {
  SampleBoard board(Options(2));
  Meet(&board, 0, 1000);
  Meet(&board, 1, 1000);
  EXPECT_THAT(board.Next(kNow), FailsWith(kLate, ""));  // asks both
  Lose(&board, 0);
  absl::StatusOr<Minibatch*> batch = board.Next(kNow);
  for (; !batch.ok(); batch = board.Next(kNow)) {
    ASSERT_TRUE(board.AwaitRequest(1).has_value());
    Answer(&board, 1, {1000, 1000, 1000});
  }
  for (int row = 0; row < kBatch; ++row) EXPECT_EQ((*batch)->reward()[row], 1.0f);
}

TEST(SampleBoardTest, WithoutAnyShardItSaysWhichAreAwayAndWhy) {
  SampleBoard board(Options(2));
  board.SetName(0, "replay 0 at unix:/tmp/a");
  board.SetName(1, "replay 1 at unix:/tmp/b");
  Meet(&board, 0, 10);
  Lose(&board, 0, "connection refused");
  EXPECT_THAT(board.Next(kNow), FailsWith(kLate, ""));
  EXPECT_EQ(board.WaitsFor(),
            "replay 0 at unix:/tmp/a (connection refused) and "
            "replay 1 at unix:/tmp/b (not connected yet)");
}

TEST(SampleBoardTest, TheLimiterOfSeveralShardsIsExplained) {
  SampleBoardOptions options = Options(2);
  options.limiter = RateLimiterOptions{.min_size = 100, .sample_max = kBatch};
  SampleBoard board(options);
  Meet(&board, 0, 0);
  Meet(&board, 1, 0);
  EXPECT_THAT(board.Next(kNow), FailsWith(kLate, ""));
  EXPECT_THAT(board.WaitsFor(), ::testing::HasSubstr("samples are blocked: 0 inserted < min_size"));
  // Counts that arrive take the grants along with the next request.
  const std::optional<SampleBoard::Request> request = board.AwaitRequest(0);
  EXPECT_EQ(request->rows, 0u);
  EXPECT_GE(request->insert_bound, kPageRows);
}

TEST(SampleBoardTest, AShardThatCameBackIsGrantedNothingBeforeItsCountsAreKnown) {
  SampleBoardOptions options = Options(2);
  options.limiter = RateLimiterOptions{.min_size = 100, .sample_max = kBatch};
  SampleBoard board(options);
  Meet(&board, 0, 5000);
  Lose(&board, 0);
  board.OnConnect(0);
  EXPECT_EQ(board.AwaitRequest(0)->insert_bound, 0);
  Answer(&board, 0, {});  // it was restarted, and is empty
  const int64_t bound = board.AwaitRequest(0)->insert_bound;
  EXPECT_GE(bound, kPageRows);
  EXPECT_LT(bound, 1000);
}

// All were killed before a row of theirs was on disk: the learner waited for rows, and the only
// writer for a grant, of which it had less than a chunk left.
TEST(SampleBoardTest, ShardsThatCameBackEmptyMayTakeRowsWhateverTheLimiterSays) {
  SampleBoardOptions options = Options(2);
  options.limiter = RateLimiterOptions{.min_size = 100, .sample_max = kBatch};
  SampleBoard board(options);
  Meet(&board, 0, 5000);
  Meet(&board, 1, 0);
  const std::optional<SampleBoard::Request> request = board.AwaitRequest(0);
  EXPECT_EQ(request->rows, static_cast<uint32_t>(kBatch));
  const int64_t used = request->insert_bound - 7;
  Answer(&board, 0, {used, used, used});
  for (const int shard : {0, 1}) Lose(&board, shard);
  for (const int shard : {0, 1}) Meet(&board, shard, 0);
  EXPECT_GE(board.AwaitRequest(0)->insert_bound, kPageRows);
}

TEST(SampleBoardTest, AFailureIsWhatNextReturnsFromThenOn) {
  SampleBoard board(Options(1));
  board.Fail(absl::FailedPreconditionError("superseded"));
  board.Fail(absl::DataLossError("later"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(board.Next(kNow), FailsWith(absl::StatusCode::kFailedPrecondition, "superseded"));
  }
}

}  // namespace
}  // namespace pmoe
