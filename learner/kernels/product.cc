#include "learner/kernels/product.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "learner/kernels/product_isa.h"

namespace pmoe {
namespace {

template <typename T>
T* PackedAt(const PackJob<T>& job, long k, long column) {
  const long at = job.column_begin + column;
  return job.packed + ((at / kPanelColumns) * job.all_inner + job.inner_begin + k) * kPanelColumns +
         at % kPanelColumns;
}

template <typename T>
void PackRows(const PackJob<T>& job, long begin, long end) {
  for (long column = 0; column < job.columns;) {
    const long into = (job.column_begin + column) % kPanelColumns;
    const long width = std::min(kPanelColumns - into, job.columns - column);
    const T* from = job.from + begin * job.from_inner + column;
    T* to = PackedAt(job, begin, column);
    for (long k = begin; k < end; ++k, from += job.from_inner, to += kPanelColumns) {
      if (width == kPanelColumns) {  // a constant: no call
        std::memcpy(to, from, kPanelColumns * sizeof(T));
      } else {
        std::copy_n(from, width, to);
      }
    }
    column += width;
  }
}

template <typename T>
void PackElement(const PackJob<T>& job, long k, long column) {
  *PackedAt(job, k, column) = job.from[k * job.from_inner + column * job.from_column];
}

// 8 rows of 8 floats, each from_stride apart, become 8 columns.
void Transpose8(const float* from, long from_stride, float* to, long to_stride) {
  __m256 r[8], s[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(from + i * from_stride);
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
    _mm256_storeu_ps(to + i * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(to + (i + 4) * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

template <typename T>
void PackTransposed(const PackJob<T>& job, long begin, long end) {
  for (long column = 0; column < job.columns; ++column) {
    for (long k = begin; k < end; ++k) PackElement(job, k, column);
  }
}

// In tiles of 8 by 8 where the columns begin on one; the rest one by one.
template <>
void PackTransposed(const PackJob<float>& job, long begin, long end) {
  const bool tiled = job.column_begin % 8 == 0;
  const long columns = tiled ? job.columns / 8 * 8 : 0;
  const long tiles_end = begin + (end - begin) / 8 * 8;
  for (long k = begin; k < tiles_end; k += 8) {
    for (long column = 0; column < columns; column += 8) {
      Transpose8(job.from + k + column * job.from_column, job.from_column, PackedAt(job, k, column),
                 kPanelColumns);
    }
  }
  for (long k = begin; k < end; ++k) {
    for (long column = k < tiles_end ? columns : 0; column < job.columns; ++column) {
      PackElement(job, k, column);
    }
  }
}

using FloatMultiply = void (*)(const Product<float>& product);

FloatMultiply Best() {
  return __builtin_cpu_supports("avx512f") ? static_cast<FloatMultiply>(&MultiplyAvx512)
                                           : static_cast<FloatMultiply>(&MultiplyAvx2);
}

}  // namespace

void Multiply(const Product<float>& product) {
  static const FloatMultiply function = Best();
  function(product);
}

void Multiply(const Product<double>& product) { MultiplyAvx2(product); }

void Pack(const PackJob<float>& job, long begin, long end) {
  return job.from_column == 1 ? PackRows(job, begin, end) : PackTransposed(job, begin, end);
}

void Pack(const PackJob<double>& job, long begin, long end) {
  return job.from_column == 1 ? PackRows(job, begin, end) : PackTransposed(job, begin, end);
}

}  // namespace pmoe
