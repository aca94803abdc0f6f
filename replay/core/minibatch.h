// A finished minibatch: one buffer, one 64-byte aligned column after the other, ready to be wrapped
// as tensors; or the same columns in a message, without padding. B rows, O obs_dim, A action_dim.
#pragma once

#include <cstdint>
#include <memory>

#include "replay/core/chunk.h"
#include "replay/core/row_key.h"

namespace pmoe {

// Of the columns of `rows` rows without padding; `prioritized`: with weight and key.
size_t PackedBytes(const TableSpec& spec, int rows, bool prioritized = false);

class Minibatch {
 public:
  // All zeros.
  Minibatch(const TableSpec& spec, int batch_size, bool prioritized = false);
  // Columns of whatever `packed` holds: PackedBytes of a message, aligned to 4, which it borrows.
  Minibatch(const TableSpec& spec, int batch_size, absl::Span<char> packed,
            bool prioritized = false);

  int size() const { return size_; }
  const TableSpec& spec() const { return spec_; }
  float* obs() { return obs_; }            // [B, O]
  float* action() { return action_; }      // [B, A]
  float* reward() { return reward_; }      // [B]; n-step: the discounted sum
  float* discount() { return discount_; }  // [B]; gamma^n, 0 where the episode terminated
  float* next_obs() { return next_obs_; }  // [B, O]; n steps later
  uint32_t* policy_version() { return policy_version_; }  // [B]
  // Of a table with priorities; else null.
  bool prioritized() const { return weight_ != nullptr; }
  float* weight() { return weight_; }  // [B] of the row in the critic's loss, in (0, 1]
  RowKey* key() { return key_; }       // [B]
  const RowKey* key() const { return key_; }

 private:
  void PlaceColumns(char* at, size_t align, bool prioritized);

  struct AlignedFree {
    void operator()(void* p) const;
  };
  TableSpec spec_;
  int size_;
  std::unique_ptr<char, AlignedFree> storage_;  // null when packed
  float* obs_;
  float* action_;
  float* reward_;
  float* discount_;
  float* next_obs_;
  uint32_t* policy_version_;
  float* weight_ = nullptr;
  RowKey* key_ = nullptr;
};

}  // namespace pmoe
