// How work is shared among threads: always the same shares for the same numbers.
#pragma once

#include <algorithm>

namespace pmoe {

struct Share {
  long begin = 0;
  long end = 0;
  long size() const { return end - begin; }
};

// The part-th of `parts` shares of n, which differ by at most `grain`. Shares but the last begin
// and end on a multiple of it.
constexpr Share ShareOf(long n, long part, long parts, long grain = 1) {
  const long grains = (n + grain - 1) / grain;
  return {std::min(n, grains * part / parts * grain),
          std::min(n, grains * (part + 1) / parts * grain)};
}

}  // namespace pmoe
