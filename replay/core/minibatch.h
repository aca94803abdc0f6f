// A finished minibatch: one buffer, one 64-byte aligned column after the other, ready to be wrapped
// as tensors; or the same columns in a message, without padding. B rows, O obs_dim, A action_dim.
#pragma once

#include <cstdint>
#include <memory>

#include "replay/core/chunk.h"

namespace pmoe {

// Of the columns of `rows` rows without padding.
size_t PackedBytes(const TableSpec& spec, int rows);

class Minibatch {
 public:
  // All zeros.
  Minibatch(const TableSpec& spec, int batch_size);
  // Columns of whatever `packed` holds: PackedBytes of a message, aligned to 4, which it borrows.
  Minibatch(const TableSpec& spec, int batch_size, absl::Span<char> packed);

  int size() const { return size_; }
  const TableSpec& spec() const { return spec_; }
  float* obs() { return obs_; }            // [B, O]
  float* action() { return action_; }      // [B, A]
  float* reward() { return reward_; }      // [B]; n-step: the discounted sum
  float* discount() { return discount_; }  // [B]; gamma^n, 0 where the episode terminated
  float* next_obs() { return next_obs_; }  // [B, O]; n steps later
  uint32_t* policy_version() { return policy_version_; }  // [B]

 private:
  void PlaceColumns(char* at, size_t align);

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
};

}  // namespace pmoe
