// One pass over flat parameters that does all an update asks of them: Adam, and the target
// network's step towards what Adam wrote.
#pragma once

#include "learner/kernels/partition.h"

namespace pmoe {

inline constexpr float kAdamBeta1 = 0.9f;
inline constexpr float kAdamBeta2 = 0.999f;

// What changes from step to step.
template <typename T>
struct AdamFactors {
  T step_size = 0;             // learning rate / (1 - beta1^t)
  T inv_sqrt_correction2 = 0;  // 1 / sqrt(1 - beta2^t)
  T epsilon = 0;
  T gradient = 1;  // of a gradient that was too long
  T tau = 0;       // of the target network

  static AdamFactors From(const AdamFactors<double>& f) {
    return {static_cast<T>(f.step_size), static_cast<T>(f.inv_sqrt_correction2),
            static_cast<T>(f.epsilon), static_cast<T>(f.gradient), static_cast<T>(f.tau)};
  }
};

// Flat arrays of one length.
template <typename T>
struct AdamArrays {
  T* values = nullptr;
  T* gradient = nullptr;
  T* first = nullptr;
  T* second = nullptr;
  T* target = nullptr;  // null: there is none
};

// Elements [begin, end): m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, values -= step m /
// (sqrt(v) c + epsilon), target += tau (values - target).
void AdamStep(const AdamFactors<float>& factors, const AdamArrays<float>& arrays, Share share);
void AdamStep(const AdamFactors<double>& factors, const AdamArrays<double>& arrays, Share share);

}  // namespace pmoe
