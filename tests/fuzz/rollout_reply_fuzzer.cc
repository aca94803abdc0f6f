// Feeds what a shard answers to TakeRollout: messages of {u8 length, bytes}, as they are, and with
// their ids and checksums made right; and changes to the fields of good pieces. What is accepted
// must be a rollout, and must be what the encoder makes of it.
#include <cstdint>
#include <string>
#include <vector>

#include "replay/wire/rollout_codec.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1, .extra_dim = 1};
constexpr uint64_t kId = 3;
constexpr int64_t kRowsMax = 20;

std::vector<TakeRolloutReply> Encode(const Rollout& rollout) {
  std::vector<TakeRolloutReply> pieces(1);
  RolloutEncoder encoder(kId, &rollout, /*piece_bytes=*/80);
  while (encoder.Next(&pieces.back())) pieces.emplace_back();
  pieces.pop_back();
  return pieces;
}

void Check(const std::vector<TakeRolloutReply>& pieces) {
  Rollout rollout;
  RolloutAssembler assembler(kSpec, kId, kRowsMax, &rollout);
  for (const TakeRolloutReply& piece : pieces) {
    if (!assembler.Add(piece).ok()) return;
  }
  if (!assembler.Finish().ok()) return;
  if (!ValidateRollout(rollout).ok() || rollout.rows() > kRowsMax) __builtin_trap();
  Rollout again;
  RolloutAssembler second(kSpec, kId, kRowsMax, &again);
  for (const TakeRolloutReply& piece : Encode(rollout)) {
    if (!second.Add(piece).ok()) __builtin_trap();
  }
  if (!second.Finish().ok() || again.segments != rollout.segments) __builtin_trap();
}

Rollout GoodRollout() {
  Rollout rollout;
  rollout.spec = kSpec;
  rollout.obs.assign(20, 1.0f);
  rollout.action.assign(10, 2.0f);
  rollout.reward.assign(10, 3.0f);
  rollout.extra.assign(10, 4.0f);
  rollout.policy_version.assign(10, 5);
  rollout.segments = {{0, 0, 0, 0, 4, SegmentEnd::kTerminated}, {0, 0, 1, 4, 6, SegmentEnd::kCut}};
  rollout.bootstrap_obs.assign(4, 6.0f);
  return rollout;
}

// Reads messages from the input and, with `mend`, makes right what chance would not.
void CheckMessages(const std::string& input, bool mend) {
  std::vector<TakeRolloutReply> pieces;
  for (size_t at = 0; at < input.size();) {
    const size_t length = static_cast<uint8_t>(input[at++]);
    TakeRolloutReply piece;
    if (!piece.ParseFromString(input.substr(at, length))) return;
    at += length;
    if (mend) {
      piece.set_rollout_id(kId);
      piece.set_crc32c(RolloutPieceCrc(piece));
    }
    pieces.push_back(piece);
  }
  Check(pieces);
}

// Three bytes of input merge a one-field message into a piece: which, field, value.
void CheckChanges(const std::string& input) {
  static const Rollout good = GoodRollout();
  std::vector<TakeRolloutReply> pieces = Encode(good);
  for (size_t i = 0; i + 3 <= input.size(); i += 3) {
    TakeRolloutReply& piece = pieces[static_cast<uint8_t>(input[i]) % pieces.size()];
    const int64_t value = static_cast<int8_t>(input[i + 2]);
    TakeRolloutReply::Segment* const segment =
        piece.segments_size() > 0 ? piece.mutable_segments(0) : nullptr;
    switch (static_cast<uint8_t>(input[i + 1]) % 10) {
      case 0:
        piece.set_rows_total(value);
        break;
      case 1:
        piece.set_segments_total(value);
        break;
      case 2:
        piece.set_first_row(value);
        break;
      case 3:
        piece.set_rows(static_cast<uint32_t>(value));
        break;
      case 4:
        piece.set_first_segment(value);
        break;
      case 5:
        piece.mutable_columns()->resize(static_cast<size_t>(value & 0x7f));
        break;
      case 6:
        piece.mutable_bootstrap_obs()->resize(static_cast<size_t>(value & 0x7f));
        break;
      case 7:
        if (segment != nullptr) segment->set_start(value);
        break;
      case 8:
        if (segment != nullptr) segment->set_length(value);
        break;
      default:
        if (segment != nullptr) segment->set_end(TakeRolloutReply::Segment::End(value));
    }
  }
  for (TakeRolloutReply& piece : pieces) piece.set_crc32c(RolloutPieceCrc(piece));
  Check(pieces);
}

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  pmoe::CheckMessages(input, /*mend=*/false);
  pmoe::CheckMessages(input, /*mend=*/true);
  pmoe::CheckChanges(input);
  return 0;
}
