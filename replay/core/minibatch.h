// A finished minibatch of rows, or of sequences of rows: one buffer, one 64-byte aligned column
// after the other, ready to be wrapped as tensors; or the same columns in a message, without
// padding. B rows or sequences, N rows in all: B, or B * T; O obs_dim, A action_dim.
#pragma once

#include <cstdint>
#include <memory>

#include "replay/core/chunk.h"
#include "replay/core/row_key.h"

namespace pmoe {

struct BatchShape {
  int size = 0;           // B, at least 1
  int sequence_rows = 0;  // T: of sequences (sequence.h), at most; 0: rows by themselves
  bool prioritized = false;

  int64_t rows() const { return sequence_rows > 0 ? int64_t{size} * sequence_rows : size; }
};

// Of the columns without padding.
size_t PackedBytes(const TableSpec& spec, const BatchShape& shape);
// Of `rows` rows; `prioritized`: with weight and key.
inline size_t PackedBytes(const TableSpec& spec, int rows, bool prioritized = false) {
  return PackedBytes(spec, {.size = rows, .prioritized = prioritized});
}

class Minibatch {
 public:
  // All zeros.
  Minibatch(const TableSpec& spec, const BatchShape& shape);
  Minibatch(const TableSpec& spec, int batch_size, bool prioritized = false)
      : Minibatch(spec, BatchShape{.size = batch_size, .prioritized = prioritized}) {}
  // Columns of whatever `packed` holds: PackedBytes of a message, aligned to 4, which it borrows.
  Minibatch(const TableSpec& spec, const BatchShape& shape, absl::Span<char> packed);
  Minibatch(const TableSpec& spec, int batch_size, absl::Span<char> packed,
            bool prioritized = false)
      : Minibatch(spec, BatchShape{.size = batch_size, .prioritized = prioritized}, packed) {}
  // Rows [row, row + rows) of this one, in the same memory, which must outlive it. Not of
  // sequences.
  Minibatch Part(int row, int rows) const;

  int size() const { return shape_.size; }                                     // B
  int rows() const { return static_cast<int>(shape_.rows()); }                 // N
  int sequence_rows() const { return shape_.sequence_rows; }                   // T; 0: no sequences
  int rows_each() const { return sequence_rows() > 0 ? sequence_rows() : 1; }  // N / B
  const TableSpec& spec() const { return spec_; }
  float* obs() { return obs_; }            // [N, O]
  float* action() { return action_; }      // [N, A]
  float* reward() { return reward_; }      // [N]; n-step: the discounted sum
  float* discount() { return discount_; }  // [N]; gamma^n, 0 where the episode terminated
  float* next_obs() { return next_obs_; }  // [N, O]; n steps later
  uint32_t* policy_version() { return policy_version_; }  // [N]
  // Of a table with priorities; else null.
  bool prioritized() const { return weight_ != nullptr; }
  float* weight() { return weight_; }  // [B] of the row in the critic's loss, in (0, 1]
  RowKey* key() { return key_; }       // [B]; of a sequence's first row
  // Of sequences; else null. Rows from the length on are zeros in every column.
  uint32_t* length() { return length_; }  // [B]; rows of the sequence, 1 to T
  uint8_t* flags() { return flags_; }     // [N]; SequenceFlag
  // The same, to be read.
  const float* obs() const { return obs_; }
  const float* action() const { return action_; }
  const float* reward() const { return reward_; }
  const float* discount() const { return discount_; }
  const float* next_obs() const { return next_obs_; }
  const uint32_t* policy_version() const { return policy_version_; }
  const RowKey* key() const { return key_; }
  const uint32_t* length() const { return length_; }
  const uint8_t* flags() const { return flags_; }

  // Without what only fills sequences up.
  int64_t given_rows() const;

 private:
  struct Borrows {};
  Minibatch(const TableSpec& spec, const BatchShape& shape, Borrows) : spec_(spec), shape_(shape) {}
  void PlaceColumns(char* at, size_t align);

  struct AlignedFree {
    void operator()(void* p) const;
  };
  TableSpec spec_;
  BatchShape shape_;
  std::unique_ptr<char, AlignedFree> storage_;  // null when packed
  float* obs_ = nullptr;
  float* action_ = nullptr;
  float* reward_ = nullptr;
  float* discount_ = nullptr;
  float* next_obs_ = nullptr;
  uint32_t* policy_version_ = nullptr;
  float* weight_ = nullptr;
  RowKey* key_ = nullptr;
  uint32_t* length_ = nullptr;
  uint8_t* flags_ = nullptr;
};

}  // namespace pmoe
