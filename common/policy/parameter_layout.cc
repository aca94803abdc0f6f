#include "common/policy/parameter_layout.h"

namespace pmoe {

ParameterLayout::ParameterLayout(absl::Span<const DenseLayer> layers, int members, int copies)
    : members_(members), copies_(copies) {
  constexpr size_t kFloatsPerLine = 16;
  const auto add = [&](const std::string& name, int rows, int cols) {
    parameters_.push_back({name, rows, cols, total_});
    const size_t size = static_cast<size_t>(members) * copies * rows * cols;
    total_ += (size + kFloatsPerLine - 1) / kFloatsPerLine * kFloatsPerLine;
  };
  for (const DenseLayer& layer : layers) {
    add(layer.name + ".weight", layer.weight_rows(), layer.outputs);
    add(layer.name + ".bias", 1, layer.outputs);
  }
}

}  // namespace pmoe
