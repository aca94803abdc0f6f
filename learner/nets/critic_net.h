// Q(s, a): one or two critics as copies of one MLP, evaluated as groups of one batched GEMM per
// layer. M members, C critics, B batch, S actions per state, O obs_dim, A action_dim.
#pragma once

#include "ATen/core/Tensor.h"
#include "common/policy/policy_spec.h"
#include "learner/nets/flat_parameters.h"

namespace pmoe {

// obs+action -> hidden (ReLU) -> 1
std::vector<DenseLayer> CriticLayers(int obs_dim, int action_dim, absl::Span<const int> hidden);

class CriticNet {
 public:
  explicit CriticNet(std::vector<DenseLayer> layers) : layers_(std::move(layers)) {}

  // obs: [M, B, O], action: [M, B, S, A] -> [M, C, B, S]. With `train` gradients reach the
  // parameters; they reach `action` either way.
  at::Tensor Forward(const FlatParameters& parameters, const at::Tensor& obs,
                     const at::Tensor& action, bool train) const;

 private:
  std::vector<DenseLayer> layers_;
};

}  // namespace pmoe
