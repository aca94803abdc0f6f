#include "learner/nets/mlp.h"

#include "learner/nets/dense.h"

namespace pmoe {

std::vector<DenseLayer> MlpWithHead(const std::string& name, int inputs,
                                    absl::Span<const int> hidden, int outputs,
                                    Activation activation) {
  std::vector<DenseLayer> layers = MlpLayers(name, "obs", inputs, hidden, activation);
  const std::string from = layers.empty() ? "obs" : layers.back().name;
  const int width = layers.empty() ? inputs : layers.back().outputs;
  layers.push_back({name + "_out", from, width, outputs, Activation::kIdentity});
  return layers;
}

at::Tensor Mlp(const FlatParameters& parameters, absl::Span<const DenseLayer> layers, at::Tensor x,
               bool train) {
  for (int i = 0; i < parameters.layers(); ++i) {
    x = Dense(x, train ? parameters.Trained(i) : parameters.Frozen(i), layers[i]);
  }
  return x;
}

}  // namespace pmoe
