// Activations of whole rows, and gradients through them by their output. In place.
#pragma once

#include "common/policy/policy_spec.h"

namespace pmoe {

// y = activation(y). [n]
void Activate(Activation activation, long n, float* y);
void Activate(Activation activation, long n, double* y);

// dy *= activation'(x), y being activation(x). [n]
void ActivationGradient(Activation activation, long n, const float* y, float* dy);
void ActivationGradient(Activation activation, long n, const double* y, double* dy);

}  // namespace pmoe
