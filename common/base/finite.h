// Is every number of a column one that can be learned from?
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "absl/types/span.h"

namespace pmoe {

// No NaN and no infinity. Whole vectors at a time: the bits of a float without its sign grow with
// its size, up to infinity's, and NaN's are above.
inline bool AllFinite(absl::Span<const float> values) {
  constexpr uint32_t kInfinity = 0x7f800000;
  uint32_t largest = 0;
  for (const float value : values) {
    largest = std::max(largest, std::bit_cast<uint32_t>(value) & 0x7fffffff);
  }
  return largest < kInfinity;
}

}  // namespace pmoe
