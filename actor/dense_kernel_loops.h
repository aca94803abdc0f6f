// The inner loops of dense_kernel.h, compiled once per instruction set: a .cc of each includes
// this, with nothing of the standard library beside it, so that no code for a newer CPU leaks into
// the rest of the program.
#pragma once

#include "actor/dense_kernel.h"

namespace pmoe {
namespace {

// W floats; unaligned.
template <int W>
struct VectorOf {
  typedef float Type __attribute__((vector_size(W * sizeof(float)), aligned(4)));
};

// R rows times P whole panels: R * P * 16 / W chains under way at once, which hides what each
// multiply-add waits for the one before.
template <int W, int R, int P>
void Block(const DenseProblem& d, const float* x, const float* packed, const float* bias, float* y,
           long y_stride) {
  using Vector = typename VectorOf<W>::Type;
  constexpr int kParts = P * kPanel / W;
  Vector sum[R][kParts] = {};
  for (long k = 0; k < d.inner; ++k) {
    for (int i = 0; i < kParts; ++i) {
      const long panel = i * W / kPanel, part = i * W % kPanel;
      const Vector weights =
          *reinterpret_cast<const Vector*>(packed + (panel * d.inner + k) * kPanel + part);
      for (int r = 0; r < R; ++r) sum[r][i] += x[r * d.x_stride + k] * weights;
    }
  }
  const Vector zero = {};
  for (int r = 0; r < R; ++r) {
    for (int i = 0; i < kParts; ++i) {
      Vector value = sum[r][i] + *reinterpret_cast<const Vector*>(bias + i * W);
      if (d.relu) value = value < zero ? zero : value;
      *reinterpret_cast<Vector*>(y + r * y_stride + i * W) = value;
    }
  }
}

// The last panel, of which only the first columns are real.
template <int W, int R>
void PartialBlock(const DenseProblem& d, const float* x, long column, float* y) {
  float block[R * kPanel];
  Block<W, R, 1>(d, x, d.packed + column * d.inner, d.bias + column, block, kPanel);
  for (int r = 0; r < R; ++r) {
    for (long c = column; c < d.columns; ++c) {
      y[r * d.y_stride + c] = block[r * kPanel + c - column];
    }
  }
}

// R rows, from `column` on: P panels at a time, then what is left by fewer.
template <int W, int R, int P>
void Columns(const DenseProblem& d, const float* x, long column, float* y) {
  for (; column + P * kPanel <= d.columns; column += P * kPanel) {
    Block<W, R, P>(d, x, d.packed + column * d.inner, d.bias + column, y + column, d.y_stride);
  }
  if constexpr (P > 1) {
    Columns<W, R, P / 2>(d, x, column, y);
  } else if (column < d.columns) {
    PartialBlock<W, R>(d, x, column, y);
  }
}

// R rows at a time, then what is left by fewer: those take more panels.
template <int W, int R, int P>
void Rows(const DenseProblem& d, long row) {
  for (; row + R <= d.rows; row += R) {
    Columns<W, R, P>(d, d.x + row * d.x_stride, 0, d.y + row * d.y_stride);
  }
  if constexpr (R > 1) Rows<W, R / 2, 2 * P>(d, row);
}

}  // namespace
}  // namespace pmoe
