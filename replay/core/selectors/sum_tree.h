// Numbers whose sums are known: which one does u fall on, where each has a length of its size? All
// sums are functions of the numbers alone, and not of the order in which they were set, so that a
// tree made again from its numbers finds the same. Flat memory, about 5 bytes a number.
// Thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace pmoe {

class SumTree {
 public:
  // To at least so many numbers; new ones are 0. Never shrinks.
  void Grow(size_t size);
  size_t size() const { return numbers_.size(); }

  float at(size_t i) const { return numbers_[i]; }
  // Finite, not negative.
  void Set(size_t i, float number) { Fill(i, 1, number); }
  void Fill(size_t begin, size_t count, float number);
  absl::Span<const float> numbers() const { return numbers_; }

  double total() const { return sums_.empty() ? 0.0 : sums_[1]; }
  // The number on which u of [0, total) falls; never one of 0. total must be > 0.
  size_t Find(double u) const;

 private:
  static constexpr size_t kBlock = 16;  // numbers that a leaf of the tree sums: a line of the cache

  double SumOf(size_t block) const;
  void Refresh(size_t first_block, size_t last_block);

  std::vector<float> numbers_;  // whole blocks
  std::vector<double> sums_;    // a heap: the root at 1, block b at blocks_ + b
  size_t blocks_ = 0;           // that the heap has room for, a power of two
};

}  // namespace pmoe
