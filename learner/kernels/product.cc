#include "learner/kernels/product.h"

#include <algorithm>
#include <cstring>

#include "learner/kernels/product_isa.h"
#include "learner/kernels/transpose8.h"

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
  const long columns_in_tiles = tiled ? job.columns / 8 * 8 : 0;
  const long tiles_end = begin + (end - begin) / 8 * 8;
  for (long k = begin; k < tiles_end; k += 8) {
    for (long column = 0; column < columns_in_tiles; column += 8) {
      __m256 columns[8];
      Transpose8(job.from + k + column * job.from_column, job.from_column, columns);
      float* const to = PackedAt(job, k, column);
      for (int i = 0; i < 8; ++i) _mm256_storeu_ps(to + i * kPanelColumns, columns[i]);
    }
  }
  for (long k = begin; k < end; ++k) {
    for (long column = k < tiles_end ? columns_in_tiles : 0; column < job.columns; ++column) {
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
  const long done = MultiplyColumn(product);
  if (done == 0) return function(product);
  Product<float> rest = product;
  rest.rows -= done;
  rest.a += done * rest.a_row;
  rest.c += done * rest.c_row;
  if (rest.base != nullptr) rest.base += done * rest.base_row;
  if (rest.rows > 0) function(rest);
}

void Multiply(const Product<double>& product) { MultiplyAvx2(product); }

void Pack(const PackJob<float>& job, long begin, long end) {
  return job.from_column == 1 ? PackRows(job, begin, end) : PackTransposed(job, begin, end);
}

void Pack(const PackJob<double>& job, long begin, long end) {
  return job.from_column == 1 ? PackRows(job, begin, end) : PackTransposed(job, begin, end);
}

}  // namespace pmoe
