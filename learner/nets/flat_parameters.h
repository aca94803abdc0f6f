// The parameters of one role (actor or critics) as one flat vector with one flat gradient beside
// it. Layers are leaf tensors that alias the flat storage, and their .grad are views of the flat
// gradient: views made by narrow() inside the graph would write a full-size zero gradient per slice
// instead. G = members * copies groups; every dense layer works on all groups at once.
#pragma once

#include <vector>

#include "ATen/core/Tensor.h"
#include "common/policy/parameter_layout.h"

namespace pmoe {

// One dense layer's parameters. weight: [G, inputs, outputs], bias: [G, 1, outputs].
struct DenseParameters {
  at::Tensor weight;
  at::Tensor bias;
};

class FlatParameters {
 public:
  // `type`: float, or double for tests.
  FlatParameters(absl::Span<const DenseLayer> layers, int members, int copies,
                 const at::Device& device, at::ScalarType type = at::kFloat);

  const ParameterLayout& layout() const { return layout_; }
  at::Tensor& values() { return values_; }  // [layout().total()]
  const at::Tensor& values() const { return values_; }
  at::Tensor& gradient() { return gradient_; }  // [layout().total()]

  // Layer i, for the graph: gradients land in gradient().
  const DenseParameters& Trained(int i) const { return trained_[i]; }
  // Layer i as constants.
  const DenseParameters& Frozen(int i) const { return frozen_[i]; }
  int layers() const { return static_cast<int>(trained_.size()); }

 private:
  ParameterLayout layout_;
  at::Tensor values_;
  at::Tensor gradient_;
  std::vector<DenseParameters> trained_;
  std::vector<DenseParameters> frozen_;
};

}  // namespace pmoe
