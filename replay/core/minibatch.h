// A finished minibatch: one buffer, one 64-byte aligned column after the other, ready to be wrapped
// as tensors. B rows, O obs_dim, A action_dim.
#pragma once

#include <cstdint>
#include <memory>

#include "replay/core/chunk.h"

namespace pmoe {

class Minibatch {
 public:
  Minibatch(const TableSpec& spec, int batch_size);

  int size() const { return size_; }
  const TableSpec& spec() const { return spec_; }
  float* obs() { return obs_; }            // [B, O]
  float* action() { return action_; }      // [B, A]
  float* reward() { return reward_; }      // [B]; n-step: the discounted sum
  float* discount() { return discount_; }  // [B]; gamma^n, 0 where the episode terminated
  float* next_obs() { return next_obs_; }  // [B, O]; n steps later
  uint32_t* policy_version() { return policy_version_; }  // [B]

 private:
  struct AlignedFree {
    void operator()(void* p) const;
  };
  TableSpec spec_;
  int size_;
  std::unique_ptr<char, AlignedFree> storage_;
  float* obs_;
  float* action_;
  float* reward_;
  float* discount_;
  float* next_obs_;
  uint32_t* policy_version_;
};

}  // namespace pmoe
