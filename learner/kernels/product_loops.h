// The inner loops of product.h, compiled once per instruction set: a .cc of each includes this,
// with nothing of the standard library beside it, so that no code for a newer CPU leaks into the
// rest of the program.
#pragma once

#include "learner/kernels/product_isa.h"

namespace pmoe {
namespace {

// W elements; unaligned.
template <typename T, int W>
struct VectorOf {
  typedef T Type __attribute__((vector_size(W * sizeof(T)), aligned(sizeof(T))));
};

template <typename T, int W>
using Vector = typename VectorOf<T, W>::Type;

template <typename T, int W>
Vector<T, W> Load(const T* from) {
  return *reinterpret_cast<const Vector<T, W>*>(from);
}

// The first `live` of W elements, zeros behind them.
template <typename T, int W>
Vector<T, W> LoadSome(const T* from, long live) {
  if (live >= W) return Load<T, W>(from);
  T all[W] = {};
  for (long i = 0; i < live; ++i) all[i] = from[i];
  return Load<T, W>(all);
}

template <typename T, int W>
void StoreSome(Vector<T, W> value, long live, T* to) {
  if (live >= W) {
    *reinterpret_cast<Vector<T, W>*>(to) = value;
    return;
  }
  for (long i = 0; i < live; ++i) to[i] = value[i];
}

// R rows times V vectors of one panel, of which `live` columns are real: R * V chains under way at
// once, which hides what each multiply-add waits for the one before.
template <typename T, int W, int R, int V>
void Block(const Product<T>& p, long row, long column, long live) {
  const T* const packed =
      p.packed + column / kPanelColumns * kPanelColumns * p.inner + column % kPanelColumns;
  const T* const a = p.a + row * p.a_row;
  Vector<T, W> sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      sum[r][v] =
          p.base == nullptr
              ? Vector<T, W>{}
              : LoadSome<T, W>(p.base + (row + r) * p.base_row + column + v * W, live - v * W);
    }
  }
  for (long k = 0; k < p.inner; ++k) {
    Vector<T, W> b[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) b[v] = Load<T, W>(packed + k * kPanelColumns + v * W);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const T x = a[r * p.a_row + k * p.a_inner];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] += x * b[v];
    }
  }
  const Vector<T, W> zero = {};
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      Vector<T, W> value = sum[r][v];
      const long at = column + v * W;
      if (p.epilogue == Epilogue::kRelu) value = value < zero ? zero : value;  // NaN stays NaN
      if (p.epilogue == Epilogue::kReluMask) {
        const long from = p.mask_index == nullptr ? row + r : p.mask_index[row + r];
        const Vector<T, W> mask = LoadSome<T, W>(p.mask + from * p.mask_row + at, live - v * W);
        value = mask > zero ? value : zero;
      }
      StoreSome<T, W>(value, live - v * W, p.c + (row + r) * p.c_row + at);
    }
  }
}

// R rows at a time, then what is left by half as many.
template <typename T, int W, int R, int V>
void Rows(const Product<T>& p, long row, long column, long live) {
  for (; row + R <= p.rows; row += R) Block<T, W, R, V>(p, row, column, live);
  if constexpr (R > 1) Rows<T, W, R == 12 ? 8 : R / 2, V>(p, row, column, live);
}

// A panel stays in the first-level cache while all rows pass by. Half a panel costs half.
template <typename T, int W, int R, int V>
void Columns(const Product<T>& p) {
  constexpr long kWide = W * V;
  for (long column = 0; column < p.columns; column += kWide) {
    const long live = p.columns - column < kWide ? p.columns - column : kWide;
    if (live <= W) {
      Rows<T, W, R, 1>(p, 0, column, live);
    } else {
      Rows<T, W, R, V>(p, 0, column, live);
    }
  }
}

}  // namespace
}  // namespace pmoe
