#include "replay/core/writer_ledger.h"

#include <gtest/gtest.h>

#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 1, .action_dim = 1};
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr auto kCameBefore = absl::StatusCode::kAlreadyExists;

absl::Status Insert(WriterLedger* ledger, const ChunkPlan& plan) {
  const Chunk chunk = MakeChunk(kSpec, plan);
  const absl::Status status = ledger->Check(chunk);
  if (status.ok()) ledger->OnInsert(chunk);
  return status;
}

TEST(WriterLedgerTest, TakesTheChunksOfAWriterInOrder) {
  WriterLedger ledger;
  EXPECT_EQ(*ledger.Hello({.actor = 1}), 0u);
  EXPECT_OK(Insert(&ledger, {.actor = 1, .seq = 0}));
  EXPECT_OK(Insert(&ledger, {.actor = 1, .seq = 1, .first_step = 1}));
  EXPECT_EQ(ledger.next_seq(0, 1), 2u);
  EXPECT_EQ(ledger.rows_lost(), 0u);
}

TEST(WriterLedgerTest, KnowsAChunkThatCameBefore) {
  WriterLedger ledger;
  EXPECT_OK(Insert(&ledger, {.seq = 0}));
  EXPECT_THAT(Insert(&ledger, {.seq = 0}), FailsWith(kCameBefore, "actor 0 seq 0 came before"));
}

TEST(WriterLedgerTest, RefusesAGapThatNoHelloSkipped) {
  WriterLedger ledger;
  EXPECT_THAT(Insert(&ledger, {.seq = 2}), FailsWith(kRefused, "seq 0 must come first"));
}

TEST(WriterLedgerTest, AWriterThatComesBackHearsWhatIsWantedNext) {
  WriterLedger ledger;
  EXPECT_OK(Insert(&ledger, {.seq = 0}));
  EXPECT_OK(Insert(&ledger, {.seq = 1, .first_step = 1}));
  EXPECT_EQ(*ledger.Hello({.first_seq_held = 0}), 2u);
}

TEST(WriterLedgerTest, AHelloSkipsWhatTheWriterNoLongerHasAndItsRowsAreLost) {
  WriterLedger ledger;
  EXPECT_OK(Insert(&ledger, {.seq = 0, .rows = 5}));
  EXPECT_EQ(*ledger.Hello({.first_seq_held = 3}), 3u);
  EXPECT_OK(Insert(&ledger, {.seq = 3, .first_step = 15, .rows = 5}));
  EXPECT_EQ(ledger.rows_lost(), 10u);
}

TEST(WriterLedgerTest, ANewerEpochTakesTheOlderOnesPlace) {
  WriterLedger ledger;
  EXPECT_OK(Insert(&ledger, {.epoch = 4, .seq = 0}));
  EXPECT_TRUE(ledger.IsNewEpoch(0, 0, 5));
  EXPECT_EQ(*ledger.Hello({.epoch = 5}), 0u);
  EXPECT_THAT(Insert(&ledger, {.epoch = 4, .seq = 1}),
              FailsWith(kRefused, "of epoch 4, but epoch 5 has taken its place"));
  EXPECT_THAT(ledger.Hello({.epoch = 4}), FailsWith(kRefused, "actor 0 is of epoch 4"));
  EXPECT_OK(Insert(&ledger, {.epoch = 5, .seq = 0}));
  EXPECT_EQ(ledger.rows_lost(), 0u);
}

TEST(WriterLedgerTest, RefusesASeqThatLeavesNoRoomToCountOn) {
  WriterLedger ledger;
  EXPECT_THAT(ledger.Hello({.first_seq_held = UINT64_MAX}),
              FailsWith(absl::StatusCode::kInvalidArgument, "first_seq_held"));
}

TEST(WriterLedgerTest, RefusesAWriterTooMany) {
  WriterLedger ledger;
  for (uint32_t actor = 0; actor < WriterLedger::kWritersMax; ++actor) {
    ASSERT_OK(ledger.Hello({.actor = actor}));
  }
  EXPECT_THAT(ledger.Hello({.actor = WriterLedger::kWritersMax}),
              FailsWith(absl::StatusCode::kResourceExhausted, "use more shards"));
  EXPECT_OK(ledger.Hello({.actor = 7}));
}

TEST(WriterLedgerTest, ComesBackFromItsSavedBytesAndFromNoTruncationOfThem) {
  WriterLedger ledger;
  EXPECT_OK(Insert(&ledger, {.actor = 1, .epoch = 2, .env = 3, .seq = 0, .rows = 4}));
  ByteWriter saved;
  ledger.SaveState(&saved);
  WriterLedger back;
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
