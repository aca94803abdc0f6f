// Adam (Kingma & Ba 2015, PyTorch's formula) over one flat parameter vector in a single fused pass:
// nine separate tensor operations over 209 k parameters take ten times as long.
#pragma once

#include <cstdint>

#include "ATen/core/Tensor.h"
#include "common/base/bytes.h"

namespace pmoe {

class Adam {
 public:
  Adam(double learning_rate, const at::Tensor& like);

  // values -= lr * m_hat / (sqrt(v_hat) + 1e-8), then gradient = 0. All flat, float32, of one
  // length.
  void Step(at::Tensor* values, at::Tensor* gradient);

  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

 private:
  double learning_rate_;
  int64_t steps_ = 0;
  at::Tensor first_;   // m
  at::Tensor second_;  // v
};

}  // namespace pmoe
