// Treats denormal floats as zero while in scope, on this thread and on the threads that are started
// meanwhile (LibTorch's pool); a ThreadTeam has one for each of its own. Adam's moments of units
// that stay inactive decay into denormals and never leave: arithmetic on those takes a hundred
// times longer. Never around MuJoCo, whose bits would change.
#pragma once

#include <xmmintrin.h>

namespace pmoe {

class ScopedFlushDenormals {
 public:
  ScopedFlushDenormals() : before_(_mm_getcsr()) {
    _mm_setcsr(before_ | kFlushToZero | kDenormalsAreZero);
  }
  ~ScopedFlushDenormals() { _mm_setcsr(before_); }
  ScopedFlushDenormals(const ScopedFlushDenormals&) = delete;
  ScopedFlushDenormals& operator=(const ScopedFlushDenormals&) = delete;

 private:
  static constexpr unsigned kFlushToZero = 0x8000;
  static constexpr unsigned kDenormalsAreZero = 0x0040;
  unsigned before_;
};

}  // namespace pmoe
