// A rollout as it travels: TakeRolloutReply pieces of at most about a mebibyte, first rows, then
// segments. A piece's CRC32C covers, little endian and without padding: u64 rollout_id, i64
// rows_total, segments_total, dropped, first_row, u32 rows, i64 first_segment, u32 segments; for
// each segment i64 start, length, u32 end, actor, epoch, env; then u64 bytes and the bytes of
// columns, and of bootstrap_obs. Knows protobuf, not gRPC.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "proto/replay.pb.h"
#include "replay/core/rollout.h"

namespace pmoe {

inline constexpr size_t kRolloutPieceBytes = 1 << 20;  // and a row or a segment at least

uint32_t RolloutPieceCrc(const TakeRolloutReply& piece);

// Cuts a rollout into pieces. Borrows it; thread-compatible.
class RolloutEncoder {
 public:
  RolloutEncoder(uint64_t rollout_id, const Rollout* rollout,
                 size_t piece_bytes = kRolloutPieceBytes)
      : rollout_id_(rollout_id), rollout_(rollout), piece_bytes_(piece_bytes) {}

  // Replaces *piece by the next one; false: there is none.
  bool Next(TakeRolloutReply* piece);

 private:
  void AddRows(TakeRolloutReply* piece);
  void AddSegments(TakeRolloutReply* piece);

  const uint64_t rollout_id_;
  const Rollout* const rollout_;
  const size_t piece_bytes_;
  int64_t next_row_ = 0;
  int64_t next_segment_ = 0;
};

// Puts the pieces together again. Allocates no more than the bytes that have come. Borrows the
// rollout; thread-compatible.
class RolloutAssembler {
 public:
  // Replaces *rollout. At most `rows_max` rows are believed.
  RolloutAssembler(const TableSpec& spec, uint64_t rollout_id, int64_t rows_max, Rollout* rollout);

  // DataLossError: the piece is damaged, of another rollout or not the next one. After an error the
  // rollout is worth nothing.
  absl::Status Add(const TakeRolloutReply& piece);
  // OK if all pieces have come and fit together (ValidateRollout).
  absl::Status Finish() const;

  bool any() const { return rows_total_ > 0; }

 private:
  absl::Status CheckHead(const TakeRolloutReply& piece) const;
  absl::Status AddRows(const TakeRolloutReply& piece);
  absl::Status AddSegments(const TakeRolloutReply& piece);

  const uint64_t rollout_id_;
  const int64_t rows_max_;
  Rollout* const rollout_;
  int64_t rows_total_ = 0;  // 0: nothing has come
  int64_t segments_total_ = 0;
};

}  // namespace pmoe
