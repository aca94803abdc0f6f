// y = x W + b for a few rows, one function per instruction set.
// y[row, c] = b[c] + sum over k, in order, of x[row, k] w[k, c], fused: each output is one chain of
// multiply-adds. So its bits depend neither on the vectors' width nor on the batch.
#pragma once

namespace pmoe {

inline constexpr int kPanel = 16;  // columns of the weights that lie together

struct DenseProblem {
  const float* x;  // [rows, inner], a row every x_stride floats
  long rows;
  long inner;
  long x_stride;
  const float* packed;  // [panels][inner][16]; columns beyond the last are anything
  const float* bias;    // [panels * 16]
  bool relu;
  long columns;
  float* y;  // [rows, columns], a row every y_stride floats
  long y_stride;
};

void DenseForwardAvx2(const DenseProblem& problem);
void DenseForwardAvx512(const DenseProblem& problem);

}  // namespace pmoe
