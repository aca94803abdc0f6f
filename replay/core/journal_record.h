// The records of a shard's journal: u8 kind, then little-endian fields without padding, as bytes
// and back. docs/replay.md lists them. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "replay/core/chunk.h"
#include "replay/core/rollout.h"
#include "replay/core/stream_book.h"

namespace pmoe {

struct TableBegun {};  // an empty table: what came before is over
struct ActorCut {
  uint32_t member = 0, actor = 0;
};
struct RowsAged {
  uint32_t version_min = 0;  // older rows are given up
};
struct RolloutTaken {
  RolloutTicket ticket{};  // none: {0, 0}
  RolloutRequest request{};
};
struct RowsSampled {
  int64_t total = 0;  // ever
};
// A writer's next chunk, which made no sense: it counts as one that came.
struct ChunkRefused {
  uint32_t member = 0, actor = 0, epoch = 0;
  uint64_t seq = 0;
  uint32_t rows = 0;  // as it says itself
};

using JournalRecord = std::variant<TableBegun, WriterHello, Chunk, ActorCut, RowsAged, RolloutTaken,
                                   RowsSampled, ChunkRefused>;

std::string EncodeRecord(const TableBegun&);
std::string EncodeRecord(const WriterHello& hello);
// Must be valid. Its round is not kept.
std::string EncodeRecord(const Chunk& chunk);
std::string EncodeRecord(const ActorCut& cut);
std::string EncodeRecord(const RowsAged& aged);
std::string EncodeRecord(const RolloutTaken& taken);
std::string EncodeRecord(const RowsSampled& sampled);
std::string EncodeRecord(const ChunkRefused& refused);

// DataLossError for bytes that EncodeRecord did not write for a table of these columns. Allocates
// no more than the bytes that are there.
absl::StatusOr<JournalRecord> DecodeRecord(const TableSpec& spec, absl::string_view bytes);
// Rows of a record of a chunk; 0 of any other. Reads no more than its head.
uint32_t RowsOfRecord(absl::string_view bytes);
bool BeginsTable(absl::string_view bytes);

}  // namespace pmoe
