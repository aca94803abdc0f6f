#include "learner/nets/critic_net.h"

#include "ATen/TensorOperators.h"
#include "ATen/ops/cat.h"
#include "ATen/ops/relu.h"
#include "absl/strings/str_cat.h"
#include "learner/kernels/layer_norm.h"
#include "learner/kernels/net_plan.h"
#include "learner/nets/dense.h"
#include "learner/nets/mlp.h"

namespace pmoe {
namespace {

// Of each row (x - mean) / sqrt(variance + epsilon). at::layer_norm has no gradient on LibTorch's
// meta device. x: [G, B, W]
at::Tensor Normal(const at::Tensor& x) {
  const at::Tensor centred = x - x.mean(2, /*keepdim=*/true);
  return centred * (centred.square().mean(2, /*keepdim=*/true) + kLayerNormEpsilon).rsqrt();
}

}  // namespace

std::vector<DenseLayer> CriticLayers(int obs_dim, int action_dim, absl::Span<const int> hidden,
                                     int outputs, bool layer_norm) {
  const std::vector<DenseLayer> plain =
      MlpWithHead("q", obs_dim + action_dim, hidden, outputs, Activation::kRelu);
  if (!layer_norm) return plain;
  std::vector<DenseLayer> layers;
  for (DenseLayer layer : plain) {
    if (!layers.empty()) layer.input = layers.back().name;
    const bool last = layer.activation == Activation::kIdentity;
    layer.activation = Activation::kIdentity;
    layers.push_back(layer);
    if (last) break;
    const int width = layer.outputs;
    layers.push_back({absl::StrCat(layer.name, "_norm"), layer.name, width, width,
                      Activation::kRelu, /*blocks=*/width});
  }
  return layers;
}

at::Tensor CriticNet::Outputs(const FlatParameters& parameters, const at::Tensor& obs,
                              const at::Tensor& action, bool train) const {
  const int64_t members = action.size(0), batch = action.size(1), samples = action.size(2);
  const int64_t copies = parameters.layout().copies();
  const at::Tensor states = obs.unsqueeze(2).expand({members, batch, samples, obs.size(2)});
  at::Tensor x = at::cat({states, action}, 3).view({members, 1, batch * samples, -1});
  x = x.expand({members, copies, batch * samples, x.size(3)})
          .reshape({members * copies, batch * samples, x.size(3)});
  for (int i = 0; i < parameters.layers(); ++i) {
    const DenseLayer& layer = layers_[static_cast<size_t>(i)];
    const DenseParameters& of = train ? parameters.Trained(i) : parameters.Frozen(i);
    if (layer_norm_ && IsDiagonal(layer)) {
      x = at::relu(Normal(x) * of.weight + of.bias);
    } else {
      x = Dense(x, of, layer);
    }
  }
  return x.view({members, copies, batch, samples, -1});
}

at::Tensor CriticNet::Forward(const FlatParameters& parameters, const at::Tensor& obs,
                              const at::Tensor& action, bool train) const {
  const at::Tensor outputs = Outputs(parameters, obs, action, train);
  return outputs.size(4) == 1 ? outputs.squeeze(4) : outputs.mean(4);
}

}  // namespace pmoe
