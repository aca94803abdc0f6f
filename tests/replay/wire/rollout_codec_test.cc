// Rollouts to pieces and back, and what damaged pieces do.
#include "replay/wire/rollout_codec.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "common/base/rng.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr auto kDamaged = absl::StatusCode::kDataLoss;
constexpr TableSpec kSpec{.obs_dim = 3, .action_dim = 2, .extra_dim = 1};
constexpr size_t kSmall = 400;  // a few rows a piece

Rollout MakeRollout(int64_t rows, int64_t segments) {
  Rollout rollout;
  rollout.spec = kSpec;
  float value = 0.0f;
  const auto fill = [&value](std::vector<float>* column, int64_t n) {
    for (; n > 0; --n) column->push_back(value += 1.0f);
  };
  fill(&rollout.obs, rows * kSpec.obs_dim);
  fill(&rollout.action, rows * kSpec.action_dim);
  fill(&rollout.reward, rows);
  fill(&rollout.extra, rows * kSpec.extra_dim);
  fill(&rollout.bootstrap_obs, segments * kSpec.obs_dim);
  for (int64_t i = 0; i < rows; ++i) rollout.policy_version.push_back(static_cast<uint32_t>(7 + i));
  for (int64_t i = 0; i < segments; ++i) {
    const int64_t start = i * rows / segments;
    const int64_t end = (i + 1) * rows / segments;
    rollout.segments.push_back({static_cast<uint32_t>(i), 5, static_cast<uint32_t>(i % 3), start,
                                end - start, static_cast<SegmentEnd>(1 + i % 3)});
  }
  rollout.dropped = 42;
  return rollout;
}

std::vector<TakeRolloutReply> Encode(const Rollout& rollout, size_t piece_bytes = kSmall) {
  std::vector<TakeRolloutReply> pieces(1);
  RolloutEncoder encoder(/*rollout_id=*/9, &rollout, piece_bytes);
  while (encoder.Next(&pieces.back())) pieces.emplace_back();
  pieces.pop_back();
  return pieces;
}

absl::Status Decode(const std::vector<TakeRolloutReply>& pieces, Rollout* rollout,
                    int64_t rows_max = 1000) {
  RolloutAssembler assembler(kSpec, 9, rows_max, rollout);
  for (const TakeRolloutReply& piece : pieces) {
    const absl::Status status = assembler.Add(piece);
    if (!status.ok()) return status;
  }
  return assembler.Finish();
}

void ExpectEqual(const Rollout& a, const Rollout& b) {
  EXPECT_EQ(a.spec, b.spec);
  EXPECT_EQ(a.obs, b.obs);
  EXPECT_EQ(a.action, b.action);
  EXPECT_EQ(a.reward, b.reward);
  EXPECT_EQ(a.policy_version, b.policy_version);
  EXPECT_EQ(a.extra, b.extra);
  EXPECT_EQ(a.segments, b.segments);
  EXPECT_EQ(a.bootstrap_obs, b.bootstrap_obs);
  EXPECT_EQ(a.dropped, b.dropped);
}

TEST(RolloutCodecTest, WhatIsDecodedIsWhatWasEncoded) {
  for (const int64_t segments : {1, 7, 50}) {
    const Rollout sent = MakeRollout(50, segments);
    Rollout got = MakeRollout(3, 1);  // to be replaced
    ASSERT_OK(Decode(Encode(sent), &got));
    ExpectEqual(got, sent);
  }
}

TEST(RolloutCodecTest, PiecesStayWithinTheirSize) {
  const auto pieces = Encode(MakeRollout(50, 50));
  EXPECT_GT(pieces.size(), 10u);
  constexpr size_t kHeadBytes = 100;
  for (const TakeRolloutReply& piece : pieces) {
    EXPECT_LE(piece.ByteSizeLong(), kSmall + kHeadBytes);
  }
}

TEST(RolloutCodecTest, ARowLargerThanAPieceTravelsAlone) {
  const Rollout sent = MakeRollout(4, 2);
  Rollout got;
  const auto pieces = Encode(sent, /*piece_bytes=*/1);
  EXPECT_EQ(pieces.size(), 6u);
  ASSERT_OK(Decode(pieces, &got));
  ExpectEqual(got, sent);
}

TEST(RolloutCodecTest, EveryFlippedBitIsSeen) {
  const Rollout sent = MakeRollout(4, 2);
  const std::vector<TakeRolloutReply> pieces = Encode(sent);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const std::string bytes = pieces[i].SerializeAsString();
    for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      std::vector<TakeRolloutReply> damaged = pieces;
      // What protobuf cannot read never arrives.
      if (!damaged[i].ParseFromString(flipped)) continue;
      Rollout got;
      const absl::Status status = Decode(damaged, &got);
      // A bit that makes a field one of an unknown number may lose what was its default anyway.
      if (status.ok()) {
        ExpectEqual(got, sent);
      } else {
        EXPECT_EQ(status.code(), kDamaged);
      }
    }
  }
}

TEST(RolloutCodecTest, MissingRepeatedOrReorderedPiecesAreRefused) {
  const auto pieces = Encode(MakeRollout(50, 20));
  Rollout got;
  for (size_t i = 0; i < pieces.size(); ++i) {
    auto missing = pieces;
    missing.erase(missing.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_THAT(Decode(missing, &got), FailsWith(kDamaged, "came damaged"));
    auto repeated = pieces;
    repeated.insert(repeated.begin() + static_cast<ptrdiff_t>(i), pieces[i]);
    EXPECT_THAT(Decode(repeated, &got), FailsWith(kDamaged, "came damaged"));
  }
  EXPECT_THAT(Decode({pieces.rbegin(), pieces.rend()}, &got), FailsWith(kDamaged, "came damaged"));
  EXPECT_THAT(Decode({}, &got), FailsWith(kDamaged, "ended after 0 of 0 rows"));
}

TEST(RolloutCodecTest, MoreRowsThanWereAskedForAreRefused) {
  Rollout got;
  EXPECT_THAT(Decode(Encode(MakeRollout(50, 2)), &got, /*rows_max=*/49),
              FailsWith(kDamaged, "at most 49 rows were asked for"));
}

// Whole by its checksum, and yet not a rollout.
TEST(RolloutCodecTest, PiecesThatDoNotFitTogetherAreRefused) {
  using Piece = TakeRolloutReply;
  const auto segment = [](Piece* piece) { return piece->mutable_segments(0); };
  const std::vector<std::pair<std::string, std::function<void(Piece*, Piece*)>>> kChanges = {
      {"instead of 9", [](Piece* rows, Piece*) { rows->set_rollout_id(8); }},
      {"bytes of columns", [](Piece* rows, Piece*) { rows->mutable_columns()->pop_back(); }},
      {"different rollouts", [](Piece*, Piece* ends) { ends->set_dropped(1); }},
      {"different rollouts", [](Piece*, Piece* ends) { ends->set_rows_total(5); }},
      {"rows from", [](Piece* rows, Piece*) { rows->set_first_row(1); }},
      {"rows from", [](Piece* rows, Piece*) { rows->set_rows(UINT32_MAX); }},
      {"rows from", [](Piece*, Piece* ends) { ends->set_first_segment(-1); }},
      {"in 5 segments", [](Piece* rows, Piece*) { rows->set_segments_total(5); }},
      {"-1 rows", [](Piece* rows, Piece*) { rows->set_rows_total(-1); }},
      {"of observations", [](Piece*, Piece* ends) { ends->mutable_bootstrap_obs()->clear(); }},
      {"with end 0", [&](Piece*, Piece* ends) { segment(ends)->clear_end(); }},
      {"with end 4", [&](Piece*, Piece* ends) { segment(ends)->set_end(Piece::Segment::End(4)); }},
      {"where row 0", [&](Piece*, Piece* ends) { segment(ends)->set_start(1); }},
      {"a segment of 0", [&](Piece*, Piece* ends) { segment(ends)->set_length(0); }},
      {"a segment of", [&](Piece*, Piece* ends) { segment(ends)->set_length(INT64_MAX); }},
      {"where row 1", [&](Piece*, Piece* ends) { segment(ends)->set_length(1); }},
  };
  for (const auto& [text, change] : kChanges) {
    auto pieces = Encode(MakeRollout(4, 2));
    ASSERT_EQ(pieces.size(), 2u);
    change(&pieces[0], &pieces[1]);
    for (TakeRolloutReply& piece : pieces) piece.set_crc32c(RolloutPieceCrc(piece));
    Rollout got;
    EXPECT_THAT(Decode(pieces, &got), FailsWith(kDamaged, text));
  }
}

}  // namespace
}  // namespace pmoe
