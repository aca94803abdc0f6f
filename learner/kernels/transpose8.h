// 8 rows of 8 floats become 8 columns, in registers.
#pragma once

#include <immintrin.h>

namespace pmoe {

// Rows lie `stride` floats apart from `from` on; columns[j] holds element j of each.
inline void Transpose8(const float* from, long stride, __m256 columns[8]) {
  __m256 r[8], s[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(from + i * stride);
  for (int i = 0; i < 4; ++i) {
    s[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    s[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    r[4 * i] = _mm256_shuffle_ps(s[4 * i], s[4 * i + 2], 0x44);
    r[4 * i + 1] = _mm256_shuffle_ps(s[4 * i], s[4 * i + 2], 0xEE);
    r[4 * i + 2] = _mm256_shuffle_ps(s[4 * i + 1], s[4 * i + 3], 0x44);
    r[4 * i + 3] = _mm256_shuffle_ps(s[4 * i + 1], s[4 * i + 3], 0xEE);
  }
  for (int i = 0; i < 4; ++i) {
    columns[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
    columns[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
  }
}

}  // namespace pmoe
