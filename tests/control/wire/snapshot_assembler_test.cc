#include "control/wire/snapshot_assembler.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/common/policy/sample_policy.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

PolicySnapshot SnapshotOf(uint64_t version) {
  PolicySnapshot snapshot = SmallSnapshot();
  snapshot.version = version;
  return snapshot;
}

std::vector<SnapshotPiece> PiecesOf(const PolicySnapshot& snapshot, size_t size) {
  const std::string bytes = snapshot.Encode();
  std::vector<SnapshotPiece> pieces;
  for (size_t offset = 0; offset < bytes.size(); offset += size) {
    SnapshotPiece& piece = pieces.emplace_back();
    piece.set_version(snapshot.version);
    piece.set_total_bytes(bytes.size());
    piece.set_offset(offset);
    piece.set_data(bytes.substr(offset, size));
  }
  return pieces;
}

// The last answer.
absl::StatusOr<std::shared_ptr<const PolicySnapshot>> AddAll(
    SnapshotAssembler* assembler, const std::vector<SnapshotPiece>& pieces) {
  for (size_t i = 0; i + 1 < pieces.size(); ++i) {
    const auto early = assembler->Add(pieces[i]);
    if (!early.ok()) return early;
    EXPECT_EQ(*early, nullptr);
  }
  return assembler->Add(pieces.back());
}

TEST(SnapshotAssemblerTest, PiecesOfAnySizeMakeTheSnapshot) {
  for (const size_t size : {size_t{1}, size_t{7}, size_t{100}, size_t{1} << 20}) {
    SnapshotAssembler assembler;
    const auto snapshot = AddAll(&assembler, PiecesOf(SnapshotOf(7), size));
    ASSERT_OK(snapshot);
    ASSERT_NE(*snapshot, nullptr);
    EXPECT_EQ((*snapshot)->version, 7u);
    EXPECT_EQ((*snapshot)->weights, SmallSnapshot().weights);
  }
}

TEST(SnapshotAssemblerTest, OneAfterTheOther) {
  SnapshotAssembler assembler;
  for (const uint64_t version : {7, 8, 20}) {
    const auto snapshot = AddAll(&assembler, PiecesOf(SnapshotOf(version), 50));
    ASSERT_OK(snapshot);
    EXPECT_EQ((*snapshot)->version, version);
  }
}

TEST(SnapshotAssemblerTest, ANewStartForgetsWhatWasLeftOfTheLast) {
  SnapshotAssembler assembler;
  ASSERT_OK(assembler.Add(PiecesOf(SnapshotOf(7), 50)[0]));
  const auto snapshot = AddAll(&assembler, PiecesOf(SnapshotOf(8), 50));
  ASSERT_OK(snapshot);
  EXPECT_EQ((*snapshot)->version, 8u);
}

TEST(SnapshotAssemblerTest, AMissingOrRepeatedPieceIsRefused) {
  const std::vector<SnapshotPiece> pieces = PiecesOf(SnapshotOf(7), 50);
  ASSERT_GT(pieces.size(), 3u);
  SnapshotAssembler assembler;
  ASSERT_OK(assembler.Add(pieces[0]));
  EXPECT_THAT(assembler.Add(pieces[2]), IsInvalid("expected byte 50"));
  ASSERT_OK(assembler.Add(pieces[0]));
  ASSERT_OK(assembler.Add(pieces[1]));
  EXPECT_THAT(assembler.Add(pieces[1]), IsInvalid("expected byte 100"));
}

TEST(SnapshotAssemblerTest, AnErrorForgetsWhatWasCollected) {
  const std::vector<SnapshotPiece> pieces = PiecesOf(SnapshotOf(7), 50);
  SnapshotAssembler assembler;
  ASSERT_OK(assembler.Add(pieces[0]));
  EXPECT_THAT(assembler.Add(pieces[3]), IsInvalid("expected byte 50"));
  EXPECT_THAT(assembler.Add(pieces[1]), IsInvalid("expected byte 0"));
  EXPECT_OK(AddAll(&assembler, pieces));
}

TEST(SnapshotAssemblerTest, AnotherVersionInTheMiddleIsRefused) {
  SnapshotAssembler assembler;
  ASSERT_OK(assembler.Add(PiecesOf(SnapshotOf(7), 50)[0]));
  EXPECT_THAT(assembler.Add(PiecesOf(SnapshotOf(8), 50)[1]),
              IsInvalid("in the middle of version 7"));
}

TEST(SnapshotAssemblerTest, SizesThatCannotBeAreRefused) {
  SnapshotAssembler assembler;
  SnapshotPiece piece = PiecesOf(SnapshotOf(7), 50)[0];
  piece.set_total_bytes(SnapshotAssembler::kBytesMax + 1);
  EXPECT_THAT(assembler.Add(piece), IsInvalid("too large"));
  piece.set_total_bytes(49);
  EXPECT_THAT(assembler.Add(piece), IsInvalid("longer than said"));
  piece.set_total_bytes(100);
  piece.clear_data();
  EXPECT_THAT(assembler.Add(piece), IsInvalid("empty piece"));
}

TEST(SnapshotAssemblerTest, EveryFlippedBitIsRefused) {
  const SnapshotPiece whole = PiecesOf(SnapshotOf(7), 1 << 20)[0];
  for (size_t bit = 0; bit < 8 * whole.data().size(); ++bit) {
    SnapshotPiece flipped = whole;
    (*flipped.mutable_data())[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    SnapshotAssembler assembler;
    ASSERT_FALSE(assembler.Add(flipped).ok()) << "bit " << bit;
  }
}

TEST(SnapshotAssemblerTest, EveryTruncationIsRefused) {
  const std::string bytes = SnapshotOf(7).Encode();
  for (size_t size = 1; size < bytes.size(); ++size) {
    SnapshotPiece piece;
    piece.set_version(7);
    piece.set_total_bytes(size);
    piece.set_data(bytes.substr(0, size));
    SnapshotAssembler assembler;
    ASSERT_FALSE(assembler.Add(piece).ok()) << size << " bytes";
  }
}

TEST(SnapshotAssemblerTest, AnEnvelopeThatLiesAboutTheVersionIsRefused) {
  SnapshotPiece piece = PiecesOf(SnapshotOf(7), 1 << 20)[0];
  piece.set_version(8);
  SnapshotAssembler assembler;
  EXPECT_THAT(assembler.Add(piece),
              FailsWith(absl::StatusCode::kDataLoss, "says inside that it is 7"));
}

}  // namespace
}  // namespace pmoe
