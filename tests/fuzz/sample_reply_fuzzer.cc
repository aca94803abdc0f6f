// Feeds what a shard answers, in pieces of 1 to 64 bytes, to a slot inside a minibatch whose other
// rows must stay as they are. The first byte says how many rows or sequences were asked for and how
// large the pieces are.
#include <cstdint>
#include <cstring>

#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "proto/replay.pb.h"
#include "replay/core/sequence.h"
#include "replay/wire/batch_codec.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 2, .action_dim = 1};
constexpr int kRowsMax = 4;

void Check(uint8_t how, const uint8_t* data, size_t size, bool prioritized, int sequence_rows) {
  const int rows = how % (kRowsMax + 1);
  Minibatch batch(kSpec, {kRowsMax + 2, sequence_rows, prioritized});
  const int each = batch.rows_each();
  google::protobuf::io::ArrayInputStream in(data, static_cast<int>(size), 1 + how / 4);
  ShardCounts counts;
  const bool decoded = DecodeSampleReply(&in, {&batch, 1, rows}, &counts).ok();
  // The rows around the slot.
  for (const int row : {0, rows + 1}) {
    for (int i = row * each; i < (row + 1) * each; ++i) {
      if (batch.obs()[2 * i] != 0.0f || batch.reward()[i] != 0.0f ||
          batch.policy_version()[i] != 0 || (sequence_rows > 0 && batch.flags()[i] != 0)) {
        __builtin_trap();
      }
    }
    if (sequence_rows > 0 && batch.length()[row] != 0) __builtin_trap();
    if (prioritized && (batch.weight()[row] != 0.0f || batch.key()[row] != RowKey())) {
      __builtin_trap();
    }
  }
  for (int row = 1; decoded && prioritized && row <= rows; ++row) {
    if (!(batch.weight()[row] > 0.0f)) __builtin_trap();
  }
  // A sequence that was let in is one that a learner can walk along.
  for (int i = 1; decoded && sequence_rows > 0 && i <= rows; ++i) {
    const uint32_t length = batch.length()[i];
    if (length < 1 || length > static_cast<uint32_t>(sequence_rows)) __builtin_trap();
    for (uint32_t t = 0; t < static_cast<uint32_t>(sequence_rows); ++t) {
      const uint8_t flags = batch.flags()[static_cast<uint32_t>(i * each) + t];
      if (flags > kSequenceCut || (flags != 0 && t + 1 != length)) __builtin_trap();
    }
  }
  // Where protobuf reads it too, it reads the same.
  SampleReply reply;
  if (!decoded || !reply.ParseFromArray(data, static_cast<int>(size))) return;
  if (counts.size != reply.size() || counts.eligible != reply.eligible() ||
      counts.inserted != reply.inserted()) {
    __builtin_trap();
  }
  const float* const first = batch.obs() + 2 * each;
  if (rows > 0 && std::memcmp(first, reply.columns().data(), 8) != 0) __builtin_trap();
}

}  // namespace
}  // namespace pmoe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const bool prioritized : {false, true}) {
    for (const int sequence_rows : {0, 1, 3}) {
      if (size > 0) pmoe::Check(data[0], data + 1, size - 1, prioritized, sequence_rows);
    }
  }
  return 0;
}
