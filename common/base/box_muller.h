// Normal numbers by the hundred, on vectors. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pmoe {

// out[2 i], out[2 i + 1] of words[2 i], words[2 i + 1]: what Rng::Normal makes of the same words
// one after the other. Its logarithm, sine and cosine are good to some 1e-15 and so are libm's: of
// a hundred million numbers a few differ in their last bit once they are floats.
void BoxMuller(const uint32_t* words, size_t pairs, float* out);

}  // namespace pmoe
