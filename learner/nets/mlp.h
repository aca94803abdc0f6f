// A chain of dense layers.
#pragma once

#include "ATen/core/Tensor.h"
#include "absl/types/span.h"
#include "common/policy/policy_spec.h"
#include "learner/nets/flat_parameters.h"

namespace pmoe {

// inputs -> hidden -> outputs; the last layer is linear and named name_out.
std::vector<DenseLayer> MlpWithHead(const std::string& name, int inputs,
                                    absl::Span<const int> hidden, int outputs,
                                    Activation activation);

// x: [G, B, inputs] -> [G, B, outputs]. With `train` gradients reach the parameters; they reach x
// either way.
at::Tensor Mlp(const FlatParameters& parameters, absl::Span<const DenseLayer> layers, at::Tensor x,
               bool train);

}  // namespace pmoe
