// Cuts the rows of a file into chunks as LoadRequest (proto/replay.proto) wants them numbered: seq
// and first_step from 0 on, and where a row's successor is not the next row, a step number left
// out. Thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "replay/client/chunk_builder.h"
#include "replay/load/row_source.h"

namespace pmoe {

class RowChunks {
 public:
  using Sink = std::function<absl::Status(Chunk)>;

  RowChunks(const TableSpec& spec, Sink sink);
  RowChunks(const RowChunks&) = delete;  // its builder has its address
  RowChunks& operator=(const RowChunks&) = delete;

  // Errors are the sink's.
  absl::Status Add(const SourceRow& row);
  // What was added and is not out yet.
  absl::Status Flush() { return builder_->Flush(); }

 private:
  bool GoesOn(const SourceRow& row) const;
  absl::Status EndStream();
  absl::Status Take(Chunk chunk);
  void Renew();

  const TableSpec spec_;
  const Sink sink_;
  std::optional<ChunkBuilder> builder_;
  uint64_t next_seq_ = 0;
  uint64_t next_step_ = 0;
  bool in_episode_ = false;
  std::vector<float> head_;  // [O] in an episode: the last row's successor
};

}  // namespace pmoe
