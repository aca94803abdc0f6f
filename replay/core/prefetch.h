// A record on its way to the cache before it is read.
#pragma once

#include <algorithm>
#include <cstddef>

#include "absl/base/attributes.h"

namespace pmoe {

// Inlined by force: GCC takes a function that only prefetches for one without effects, and drops
// the calls.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Prefetch(const float* at, size_t floats) {
  constexpr size_t kLineFloats = 16;
  constexpr size_t kFloatsMax = 16 * kLineFloats;  // further on the hardware follows by itself
  for (size_t i = 0; i < std::min(floats, kFloatsMax); i += kLineFloats) {
    __builtin_prefetch(at + i);
  }
  __builtin_prefetch(at + floats - 1);
}

}  // namespace pmoe
