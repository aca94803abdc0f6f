#include "learner/kernels/adam.h"

#include <cmath>

namespace pmoe {
namespace {

template <typename T>
void Step(const AdamFactors<T>& f, const AdamArrays<T>& arrays, Share share) {
  constexpr T kBeta1 = kAdamBeta1, kBeta2 = kAdamBeta2, kOne = 1;
  T* __restrict const values = arrays.values;
  const T* __restrict const gradient = arrays.gradient;
  T* __restrict const first = arrays.first;
  T* __restrict const second = arrays.second;
  for (long i = share.begin; i < share.end; ++i) {
    const T g = gradient[i] * f.gradient;
    const T m = kBeta1 * first[i] + (kOne - kBeta1) * g;
    const T v = kBeta2 * second[i] + (kOne - kBeta2) * g * g;
    first[i] = m;
    second[i] = v;
    values[i] -= f.step_size * m / (std::sqrt(v) * f.inv_sqrt_correction2 + f.epsilon);
  }
}

template <typename T>
void Follow(T tau, const T* __restrict values, T* __restrict target, Share share) {
  for (long i = share.begin; i < share.end; ++i) target[i] += tau * (values[i] - target[i]);
}

// In pieces, so that the target's step finds the new values in the nearest cache.
template <typename T>
void Both(const AdamFactors<T>& factors, const AdamArrays<T>& arrays, Share share) {
  constexpr long kPiece = 1024;
  for (long begin = share.begin; begin < share.end; begin += kPiece) {
    const Share piece = {begin, std::min(share.end, begin + kPiece)};
    Step(factors, arrays, piece);
    if (arrays.target != nullptr) Follow(factors.tau, arrays.values, arrays.target, piece);
  }
}

}  // namespace

void AdamStep(const AdamFactors<float>& factors, const AdamArrays<float>& arrays, Share share) {
  Both(factors, arrays, share);
}

void AdamStep(const AdamFactors<double>& factors, const AdamArrays<double>& arrays, Share share) {
  Both(factors, arrays, share);
}

}  // namespace pmoe
