// One dense layer of a policy for small batches, where libraries for large matrices spend their
// time on preparing: weights are packed once per snapshot, and every output is one chain of fused
// multiply-adds over the inputs in order. Its bits depend neither on the batch nor on the CPU.
// Thread-compatible.
#pragma once

#include <vector>

#include "common/policy/policy_spec.h"

namespace pmoe {

class PackedLayer {
 public:
  // Copies weights [layer.weight_rows(), outputs] row-major into panels of 16 columns, block after
  // block, and bias [outputs].
  void Pack(const float* weights, const float* bias, const DenseLayer& layer);

  // y = x W + b, with ReLU if asked for. x: [rows, inputs]; y: [rows, outputs].
  void Forward(const float* x, int rows, bool relu, float* y) const;

 private:
  int inner_ = 0;    // inputs of a block
  int columns_ = 0;  // outputs of a block
  int blocks_ = 0;
  std::vector<float> packed_;  // see DenseProblem; one block after the other
  std::vector<float> bias_;
};

}  // namespace pmoe
