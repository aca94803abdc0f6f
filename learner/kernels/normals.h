// Many normal numbers at once, for the noise of an update.
#pragma once

#include <cstddef>

#include "common/base/rng.h"

namespace pmoe {

// The same words of the stream as rng->FillNormal (Box-Muller on two 32-bit draws), by arithmetic
// in float that the compiler turns into vectors: the same numbers to 1e-6. An odd last one takes
// two words all the same. Bits do not depend on the vectors' width.
void FillNormals(Rng* rng, size_t n, float* out);

}  // namespace pmoe
