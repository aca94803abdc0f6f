// Q(s, a): one or two critics as copies of one MLP, evaluated as groups of one batched GEMM per
// layer. M members, C critics, B batch, S actions per state, Z outputs, O obs_dim, A action_dim.
#pragma once

#include "ATen/core/Tensor.h"
#include "common/policy/policy_spec.h"
#include "learner/nets/flat_parameters.h"

namespace pmoe {

// obs+action -> hidden (ReLU) -> outputs. With layer_norm each hidden layer is a linear one and its
// layer norm's gain and shift: relu(gain normal(x W + b) + shift), normal(x) = (x - mean) / std.
std::vector<DenseLayer> CriticLayers(int obs_dim, int action_dim, absl::Span<const int> hidden,
                                     int outputs = 1, bool layer_norm = false);

class CriticNet {
 public:
  explicit CriticNet(std::vector<DenseLayer> layers, bool layer_norm = false)
      : layers_(std::move(layers)), layer_norm_(layer_norm) {}

  // obs: [M, B, O], action: [M, B, S, A] -> [M, C, B, S, Z]. With `train` gradients reach the
  // parameters; they reach `action` either way.
  at::Tensor Outputs(const FlatParameters& parameters, const at::Tensor& obs,
                     const at::Tensor& action, bool train) const;
  // The same of a critic's only output, or of the mean over its quantiles. -> [M, C, B, S]
  at::Tensor Forward(const FlatParameters& parameters, const at::Tensor& obs,
                     const at::Tensor& action, bool train) const;

 private:
  std::vector<DenseLayer> layers_;
  bool layer_norm_;
};

}  // namespace pmoe
