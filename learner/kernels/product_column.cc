// Products with one output column, like a critic's last layer: vectors along the rows, where those
// along the columns would hold one number each. The chains are those of product.h, and so the bits.
#include <immintrin.h>

#include "learner/kernels/product_isa.h"
#include "learner/kernels/transpose8.h"

namespace pmoe {
namespace {

constexpr long kLanes = 8;

__m256 Strided(const float* from, long stride) {
  float lanes[kLanes];
  for (long i = 0; i < kLanes; ++i) lanes[i] = from[i * stride];
  return _mm256_loadu_ps(lanes);
}

__m256 Base(const Product<float>& p, long row) {
  return p.base == nullptr ? _mm256_setzero_ps() : Strided(p.base + row * p.base_row, p.base_row);
}

void Store(__m256 sum, const Product<float>& p, long row) {
  float lanes[kLanes];
  _mm256_storeu_ps(lanes, sum);
  for (long i = 0; i < kLanes; ++i) p.c[(row + i) * p.c_row] = lanes[i];
}

__m256 Weight(const Product<float>& p, long k) {
  return _mm256_set1_ps(p.packed[k * kPanelColumns]);
}

// a[row.., k..] lies together along k: 16 rows at a time, in tiles that are turned.
void AlongInner(const Product<float>& p, long row) {
  __m256 low = Base(p, row), high = Base(p, row + kLanes);
  const float* const a = p.a + row * p.a_row;
  const float* const b = a + kLanes * p.a_row;
  long k = 0;
  for (; k + kLanes <= p.inner; k += kLanes) {
    __m256 of_low[kLanes], of_high[kLanes];
    Transpose8(a + k, p.a_row, of_low);
    Transpose8(b + k, p.a_row, of_high);
    for (long j = 0; j < kLanes; ++j) {
      const __m256 weight = Weight(p, k + j);
      low = _mm256_fmadd_ps(of_low[j], weight, low);
      high = _mm256_fmadd_ps(of_high[j], weight, high);
    }
  }
  for (; k < p.inner; ++k) {
    const __m256 weight = Weight(p, k);
    low = _mm256_fmadd_ps(Strided(a + k, p.a_row), weight, low);
    high = _mm256_fmadd_ps(Strided(b + k, p.a_row), weight, high);
  }
  Store(low, p, row);
  Store(high, p, row + kLanes);
}

// a[row.., k] lies together along the rows: V vectors of them at a time.
template <int V>
void AlongRows(const Product<float>& p, long row) {
  __m256 sum[V];
  for (int v = 0; v < V; ++v) sum[v] = Base(p, row + v * kLanes);
  const float* a = p.a + row;
  for (long k = 0; k < p.inner; ++k, a += p.a_inner) {
    const __m256 weight = Weight(p, k);
    for (int v = 0; v < V; ++v) {
      sum[v] = _mm256_fmadd_ps(_mm256_loadu_ps(a + v * kLanes), weight, sum[v]);
    }
  }
  for (int v = 0; v < V; ++v) Store(sum[v], p, row + v * kLanes);
}

}  // namespace

long MultiplyColumn(const Product<float>& p) {
  if (p.columns != 1 || p.epilogue != Epilogue::kNone) return 0;
  long row = 0;
  if (p.a_row == 1) {
    for (; row + 8 * kLanes <= p.rows; row += 8 * kLanes) AlongRows<8>(p, row);
    for (; row + kLanes <= p.rows; row += kLanes) AlongRows<1>(p, row);
  } else if (p.a_inner == 1) {
    for (; row + 2 * kLanes <= p.rows; row += 2 * kLanes) AlongInner(p, row);
  }
  return row;
}

}  // namespace pmoe
