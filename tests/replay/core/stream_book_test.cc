#include "replay/core/stream_book.h"

#include <gtest/gtest.h>

#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr auto kCameBefore = absl::StatusCode::kAlreadyExists;

absl::Status Insert(StreamBook* book, const ChunkPlan& plan) {
  const Chunk chunk = MakeChunk(kSpec, plan);
  const absl::Status status = book->CheckSeq(chunk);
  if (status.ok()) book->Record(chunk);
  return status;
}

TEST(StreamBookTest, TakesTheChunksOfAWriterInOrder) {
  StreamBook book;
  EXPECT_EQ(*book.Hello({.actor = 1}), 0u);
  EXPECT_OK(Insert(&book, {.actor = 1, .seq = 0}));
  EXPECT_OK(Insert(&book, {.actor = 1, .seq = 1, .first_step = 1}));
  EXPECT_EQ(book.Find(0, 1)->next_seq, 2u);
  EXPECT_EQ(book.rows_lost(), 0u);
}

TEST(StreamBookTest, KnowsAChunkThatCameBefore) {
  StreamBook book;
  EXPECT_OK(Insert(&book, {.seq = 0}));
  EXPECT_THAT(Insert(&book, {.seq = 0}), FailsWith(kCameBefore, "actor 0 seq 0 came before"));
}

TEST(StreamBookTest, RefusesAGapThatNoHelloSkipped) {
  StreamBook book;
  EXPECT_THAT(Insert(&book, {.seq = 2}), FailsWith(kRefused, "seq 0 must come first"));
}

TEST(StreamBookTest, AWriterThatComesBackHearsWhatIsWantedNext) {
  StreamBook book;
  EXPECT_OK(Insert(&book, {.seq = 0}));
  EXPECT_OK(Insert(&book, {.seq = 1, .first_step = 1}));
  EXPECT_EQ(*book.Hello({.first_seq_held = 0}), 2u);
}

TEST(StreamBookTest, AHelloSkipsWhatTheWriterNoLongerHasAndItsRowsAreLost) {
  StreamBook book;
  EXPECT_OK(Insert(&book, {.seq = 0, .rows = 5}));
  EXPECT_EQ(*book.Hello({.first_seq_held = 3}), 3u);
  EXPECT_OK(Insert(&book, {.seq = 3, .first_step = 15, .rows = 5}));
  EXPECT_EQ(book.rows_lost(), 10u);
}

TEST(StreamBookTest, AWriterThatComesBackSaysHowManyRowsWereAcknowledgedAndNoStreamNeedsToGoOn) {
  StreamBook book;
  EXPECT_OK(Insert(&book, {.env = 1, .seq = 0, .rows = 5}));
  EXPECT_EQ(*book.Hello({.first_seq_held = 4, .rows_acked = 17}), 4u);
  EXPECT_EQ(book.rows_lost(), 12u);
  EXPECT_EQ(*book.Hello({.first_seq_held = 4, .rows_acked = 17}), 4u);
  EXPECT_OK(Insert(&book, {.env = 1, .seq = 4, .first_step = 8, .rows = 5}));
  EXPECT_EQ(book.rows_lost(), 12u) << "the gap is a part of them";
}

// Saved and loaded.
StreamBook Again(const StreamBook& book) {
  ByteWriter state, losses;
  book.SaveState(&state);
  book.SaveLosses(&losses);
  StreamBook back;
  ByteReader in(state.bytes());
  EXPECT_OK(back.LoadState(&in));
  EXPECT_OK(back.LoadLosses(losses.bytes()));
  return back;
}

TEST(StreamBookTest, LossesAreKeptWithTheBookAndBeyondTheLifeOfTheirWriter) {
  StreamBook book;
  ASSERT_OK(book.Hello({.first_seq_held = 2, .rows_acked = 7}));
  ASSERT_OK(book.Hello({.epoch = 1}));
  ASSERT_OK(book.Hello({.epoch = 1, .first_seq_held = 1, .rows_acked = 3}));
  EXPECT_EQ(Again(book).rows_lost(), 10u);
  ByteWriter losses;
  book.SaveLosses(&losses);
  EXPECT_THAT(StreamBook().LoadLosses(losses.bytes()),
              FailsWith(absl::StatusCode::kDataLoss, "of no writer"));
}

void Refuse(StreamBook* book, const ChunkPlan& plan) {
  const Chunk chunk = MakeChunk(kSpec, plan);
  ASSERT_OK(book->CheckSeq(chunk));
  book->Refuse(chunk);
}

TEST(StreamBookTest, RowsThatWereRefusedAreNotLost) {
  StreamBook book;
  EXPECT_OK(Insert(&book, {.seq = 0, .rows = 5}));
  Refuse(&book, {.seq = 1, .first_step = 5, .rows = 7});
  Refuse(&book, {.seq = 2, .first_step = 12, .rows = 3});
  EXPECT_THAT(Insert(&book, {.seq = 2}), FailsWith(kCameBefore, "seq 2 came before"));
  EXPECT_OK(Insert(&book, {.seq = 3, .first_step = 15, .rows = 5}));
  EXPECT_EQ(book.rows_lost(), 0u);
  EXPECT_OK(Insert(&book, {.seq = 4, .first_step = 30, .rows = 5}));
  EXPECT_EQ(book.rows_lost(), 10u) << "no chunk was refused for these";
  EXPECT_EQ(*book.Hello({.first_seq_held = 6, .rows_acked = 29}), 6u);
  EXPECT_EQ(book.rows_lost(), 14u) << "of 29 it has 15, and the hello says so to the row";
}

TEST(StreamBookTest, RefusedRowsAreKeptWithTheBook) {
  StreamBook book;
  Refuse(&book, {.seq = 0, .rows = 8});
  StreamBook back = Again(book);
  EXPECT_OK(Insert(&back, {.seq = 1, .first_step = 8}));
  EXPECT_EQ(back.rows_lost(), 0u);
}

TEST(StreamBookTest, NobodyCanClaimToHaveLostMoreThanARunHas) {
  StreamBook book;
  const uint64_t most = kRowsMax;
  ASSERT_OK(book.Hello({.first_seq_held = kStepsMax, .rows_acked = kStepsMax}));
  EXPECT_EQ(book.rows_lost(), most);
  ASSERT_OK(book.Hello({.epoch = 1}));
  ASSERT_OK(book.Hello({.epoch = 1, .first_seq_held = kStepsMax, .rows_acked = kStepsMax}));
  EXPECT_EQ(book.rows_lost(), most);
}

TEST(StreamBookTest, RefusesMoreRowsThanTheirChunksCanHold) {
  StreamBook book;
  EXPECT_THAT(book.Hello({.first_seq_held = 1, .rows_acked = 128}), IsInvalid("rows_acked 128"));
}

TEST(StreamBookTest, ANewerEpochTakesTheOlderOnesPlace) {
  StreamBook book;
  EXPECT_OK(Insert(&book, {.epoch = 4, .seq = 0}));
  EXPECT_TRUE(book.IsNewEpoch(0, 0, 5));
  EXPECT_EQ(*book.Hello({.epoch = 5}), 0u);
  EXPECT_THAT(Insert(&book, {.epoch = 4, .seq = 1}),
              FailsWith(kRefused, "of epoch 4, but epoch 5 has taken this actor's place"));
  EXPECT_THAT(book.Hello({.epoch = 4}), FailsWith(kRefused, "actor 0 is of epoch 4"));
  // Whatever else it says: what makes no sense would count against the actor.
  EXPECT_THAT(book.Hello({.epoch = 4, .first_seq_held = kStepsMax + 1}),
              FailsWith(kRefused, "actor 0 is of epoch 4"));
  EXPECT_THAT(book.Hello({.epoch = 4, .rows_acked = 1000}),
              FailsWith(kRefused, "actor 0 is of epoch 4"));
  EXPECT_OK(Insert(&book, {.epoch = 5, .seq = 0}));
  EXPECT_EQ(book.rows_lost(), 0u);
}

TEST(StreamBookTest, RefusesASeqThatLeavesNoRoomToCountOn) {
  StreamBook book;
  EXPECT_THAT(book.Hello({.first_seq_held = UINT64_MAX}), IsInvalid("first_seq_held"));
}

// Whoever invents names has used up no place of those who have one.
TEST(StreamBookTest, RefusesNamesThatNoActorHas) {
  StreamBook book;
  for (uint32_t actor = 0; actor < StreamBook::kWritersMax; ++actor) {
    ASSERT_OK(book.Hello({.actor = actor}));
  }
  EXPECT_THAT(book.Hello({.actor = StreamBook::kWritersMax}), IsInvalid("takes actors 0 to 4095"));
  EXPECT_THAT(book.Hello({.member = 1, .actor = 7}), IsInvalid("of member 0"));
  EXPECT_OK(book.Hello({.actor = 7}));
}

TEST(StreamBookTest, ComesBackFromItsSavedBytesAndFromNoTruncationOfThem) {
  StreamBook book;
  EXPECT_OK(Insert(&book, {.actor = 1, .epoch = 2, .env = 3, .seq = 0, .rows = 4}));
  ByteWriter saved;
  book.SaveState(&saved);
  StreamBook back;
  ByteReader in(saved.bytes());
  ASSERT_OK(back.LoadState(&in));
  ByteWriter again;
  back.SaveState(&again);
  EXPECT_EQ(again.bytes(), saved.bytes());
  for (size_t n = 0; n < saved.bytes().size(); ++n) {
    ByteReader part(absl::string_view(saved.bytes()).substr(0, n));
    EXPECT_THAT(back.LoadState(&part), FailsWith(absl::StatusCode::kDataLoss, "truncated")) << n;
  }
}

}  // namespace
}  // namespace pmoe
