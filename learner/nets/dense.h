// The one seam through which every dense layer of the learner goes, so that a faster one can
// replace them all.
#pragma once

#include "ATen/core/Tensor.h"
#include "common/policy/policy_spec.h"
#include "learner/nets/flat_parameters.h"

namespace pmoe {

// x: [G, B, inputs] -> [G, B, outputs]
at::Tensor Dense(const at::Tensor& x, const DenseParameters& parameters, Activation activation);

}  // namespace pmoe
