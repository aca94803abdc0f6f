// What a writer sent, row by row, for a checker that compares it with what replay holds:
//   row <actor> <epoch> <env> <step> <crc32c> <policy version>      when a chunk is numbered
//   acked <next seq> <rows before it>                               when the shard has them
// Thread-compatible.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/metrics/append_file.h"
#include "replay/core/chunk.h"

namespace pmoe {

class AuditLog {
 public:
  static absl::StatusOr<std::unique_ptr<AuditLog>> Create(const std::string& path);

  void OnChunk(const TableSpec& spec, const Chunk& chunk);
  void OnAcked(uint64_t next_seq);

 private:
  explicit AuditLog(AppendFile file) : file_(std::move(file)) {}
  void Append(const std::string& text);

  AppendFile file_;
  std::deque<uint32_t> rows_;  // of the chunks that are not acknowledged
  uint64_t first_seq_ = 0;     // of rows_.front()
  uint64_t acked_rows_ = 0;
};

}  // namespace pmoe
