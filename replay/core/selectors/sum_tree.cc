#include "replay/core/selectors/sum_tree.h"

#include <algorithm>
#include <bit>

namespace pmoe {

void SumTree::Grow(size_t size) {
  if (size <= numbers_.size()) return;
  const size_t blocks = (size + kBlock - 1) / kBlock;
  numbers_.resize(blocks * kBlock, 0.0f);
  if (blocks <= blocks_) return;
  blocks_ = std::bit_ceil(blocks);
  sums_.assign(2 * blocks_, 0.0);
  Refresh(0, blocks - 1);
}

void SumTree::Fill(size_t begin, size_t count, float number) {
  if (count == 0) return;
  std::fill_n(numbers_.begin() + static_cast<ptrdiff_t>(begin), count, number);
  Refresh(begin / kBlock, (begin + count - 1) / kBlock);
}

double SumTree::SumOf(size_t block) const {
  constexpr size_t kLanes = 4;  // chains that do not wait for each other
  const float* const at = numbers_.data() + block * kBlock;
  double sums[kLanes] = {};
  for (size_t i = 0; i < kBlock; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += static_cast<double>(at[i + lane]);
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void SumTree::Refresh(size_t first_block, size_t last_block) {
  for (size_t block = first_block; block <= last_block; ++block) {
    sums_[blocks_ + block] = SumOf(block);
  }
  size_t first = (blocks_ + first_block) / 2;
  size_t last = (blocks_ + last_block) / 2;
  for (; first > 0; first /= 2, last /= 2) {
    for (size_t node = first; node <= last; ++node) {
      sums_[node] = sums_[2 * node] + sums_[2 * node + 1];
    }
  }
}

// Rounding may carry u past the end of what it falls on: it stays where there is something.
size_t SumTree::Find(double u) const {
  size_t node = 1;
  while (node < blocks_) {
    const double left = sums_[2 * node];
    const bool right = u >= left && sums_[2 * node + 1] > 0.0;
    if (right) u -= left;
    node = 2 * node + (right ? 1 : 0);
  }
  const size_t begin = (node - blocks_) * kBlock;
  size_t found = begin;
  for (size_t i = begin; i < begin + kBlock; ++i) {
    const double number = static_cast<double>(numbers_[i]);
    if (number == 0.0) continue;
    found = i;
    if (u < number) break;
    u -= number;
  }
  return found;
}

}  // namespace pmoe
