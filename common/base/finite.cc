#include "common/base/finite.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace pmoe {

// Whole vectors at a time: the bits of a float without its sign grow with its size, up to
// infinity's, and NaN's are above. A function of its own, because where GCC takes the call for an
// unlikely one it inlines the loop float by float: 5 % of a sample's time.
bool AllFinite(absl::Span<const float> values) {
  constexpr uint32_t kInfinity = 0x7f800000;
  uint32_t largest = 0;
  for (const float value : values) {
    largest = std::max(largest, std::bit_cast<uint32_t>(value) & 0x7fffffff);
  }
  return largest < kInfinity;
}

}  // namespace pmoe
