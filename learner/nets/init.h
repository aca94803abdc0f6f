// What parameters begin with. Streams are Rng(seed, kInit, first_stream + layer, member, copy):
// adding a layer changes no other one. Layers without inputs stay 0.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "common/policy/policy_spec.h"
#include "learner/nets/flat_parameters.h"

namespace pmoe {

// PyTorch's default for linear layers: weight and bias from U(-1/sqrt(inputs), 1/sqrt(inputs)).
void InitUniformFanIn(uint64_t seed, uint32_t first_stream, FlatParameters* parameters);

// Random weights with orthogonal columns (or rows, where there are fewer), times the layer's gain;
// biases 0. The parts of a layer that belong to different primitives are drawn on their own.
void InitOrthogonal(uint64_t seed, uint32_t first_stream, absl::Span<const DenseLayer> layers,
                    absl::FunctionRef<double(const DenseLayer&)> gain, FlatParameters* parameters);

}  // namespace pmoe
