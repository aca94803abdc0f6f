#include "actor/dense_layer.h"

#include <algorithm>

#include "actor/dense_kernel.h"

namespace pmoe {
namespace {

using DenseFunction = void (*)(const DenseProblem& problem);

DenseFunction Best() {
  return __builtin_cpu_supports("avx512f") ? &DenseForwardAvx512 : &DenseForwardAvx2;
}

}  // namespace

void PackedLayer::Pack(const float* weights, const float* bias, const DenseLayer& layer) {
  inner_ = layer.weight_rows();
  blocks_ = layer.blocks;
  columns_ = layer.outputs / blocks_;
  const size_t panels = static_cast<size_t>((columns_ + kPanel - 1) / kPanel);
  const size_t outputs = static_cast<size_t>(layer.outputs);
  packed_.resize(blocks_ * panels * inner_ * kPanel);
  bias_.assign(blocks_ * panels * kPanel, 0.0f);
  for (int block = 0; block < blocks_; ++block) {
    const size_t first = static_cast<size_t>(block) * columns_;
    std::copy_n(bias + first, columns_, bias_.data() + block * panels * kPanel);
    for (size_t panel = 0; panel < panels; ++panel) {
      const size_t begin = panel * kPanel;
      const size_t width = std::min<size_t>(kPanel, columns_ - begin);
      float* const to = packed_.data() + (block * panels + panel) * inner_ * kPanel;
      for (int k = 0; k < inner_; ++k) {
        std::copy_n(weights + static_cast<size_t>(k) * outputs + first + begin, width,
                    to + static_cast<size_t>(k) * kPanel);
      }
    }
  }
}

void PackedLayer::Forward(const float* x, int rows, bool relu, float* y) const {
  static const DenseFunction function = Best();
  const size_t panels = bias_.size() / kPanel / static_cast<size_t>(blocks_);
  for (int block = 0; block < blocks_; ++block) {
    function({.x = x + static_cast<size_t>(block) * inner_,
              .rows = rows,
              .inner = inner_,
              .x_stride = long{inner_} * blocks_,
              .packed = packed_.data() + block * panels * inner_ * kPanel,
              .bias = bias_.data() + block * panels * kPanel,
              .relu = relu,
              .columns = columns_,
              .y = y + static_cast<size_t>(block) * columns_,
              .y_stride = long{columns_} * blocks_});
  }
}

}  // namespace pmoe
