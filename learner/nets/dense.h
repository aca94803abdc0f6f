// The one seam through which every dense layer of the learner goes, so that a faster one can
// replace them all.
#pragma once

#include "ATen/core/Tensor.h"
#include "common/policy/policy_spec.h"
#include "learner/nets/flat_parameters.h"

namespace pmoe {

// x: [G, B, inputs] -> [G, B, outputs]. A constant layer takes nothing but G and B from x.
at::Tensor Dense(const at::Tensor& x, const DenseParameters& parameters, const DenseLayer& layer);

}  // namespace pmoe
