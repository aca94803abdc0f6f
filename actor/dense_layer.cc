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

void PackedLayer::Pack(const float* weights, const float* bias, int inputs, int outputs) {
  inputs_ = inputs;
  outputs_ = outputs;
  const size_t panels = static_cast<size_t>((outputs + kPanel - 1) / kPanel);
  packed_.resize(panels * inputs * kPanel);
  bias_.assign(panels * kPanel, 0.0f);
  std::copy_n(bias, outputs, bias_.begin());
  for (size_t panel = 0; panel < panels; ++panel) {
    const size_t begin = panel * kPanel;
    const size_t width = std::min<size_t>(kPanel, outputs - begin);
    for (int k = 0; k < inputs; ++k) {
      std::copy_n(weights + static_cast<size_t>(k) * outputs + begin, width,
                  packed_.begin() + static_cast<ptrdiff_t>((panel * inputs + k) * kPanel));
    }
  }
}

void PackedLayer::Forward(const float* x, int rows, bool relu, float* y) const {
  static const DenseFunction function = Best();
  function({.x = x,
            .rows = rows,
            .inner = inputs_,
            .packed = packed_.data(),
            .bias = bias_.data(),
            .relu = relu,
            .columns = outputs_,
            .y = y});
}

}  // namespace pmoe
