#include "learner/kernels/layer_norm.h"

#include <cmath>

namespace pmoe {
namespace {

constexpr long kLanes = 16;

// sum of f(i) for i in [0, width).
template <typename T, typename Function>
T Sum(long width, Function f) {
  T lanes[kLanes] = {};
  const long whole = width / kLanes * kLanes;
  for (long i = 0; i < whole; i += kLanes) {
    for (long lane = 0; lane < kLanes; ++lane) lanes[lane] += f(i + lane);
  }
  for (long i = whole; i < width; ++i) lanes[i - whole] += f(i);
  T sum = 0;
  for (const T lane : lanes) sum += lane;
  return sum;
}

template <typename T>
T NormalizeRow(long width, T* __restrict x) {
  const T inverse_width = T{1} / static_cast<T>(width);
  const T mean = Sum<T>(width, [&](long i) { return x[i]; }) * inverse_width;
  for (long i = 0; i < width; ++i) x[i] -= mean;
  const T variance = Sum<T>(width, [&](long i) { return x[i] * x[i]; }) * inverse_width;
  const T inverse_std = T{1} / std::sqrt(variance + static_cast<T>(kLayerNormEpsilon));
  for (long i = 0; i < width; ++i) x[i] *= inverse_std;
  return inverse_std;
}

// With g = gain dy: dx = (g - mean g - normal mean(g normal)) inverse_std.
template <typename T>
void GradientRow(long width, T inverse_std, const T* __restrict normal, const T* __restrict gain,
                 const T* __restrict dy, T* __restrict dx) {
  const T inverse_width = T{1} / static_cast<T>(width);
  for (long i = 0; i < width; ++i) dx[i] = gain[i] * dy[i];
  const T mean = Sum<T>(width, [&](long i) { return dx[i]; }) * inverse_width;
  const T pull = Sum<T>(width, [&](long i) { return dx[i] * normal[i]; }) * inverse_width;
  for (long i = 0; i < width; ++i) dx[i] = (dx[i] - mean - normal[i] * pull) * inverse_std;
}

template <typename T>
void ScaleRow(long width, const T* __restrict normal, const T* __restrict gain,
              const T* __restrict shift, T* __restrict y) {
  for (long i = 0; i < width; ++i) {
    const T scaled = gain[i] * normal[i] + shift[i];
    y[i] = scaled < T{0} ? T{0} : scaled;  // NaN stays
  }
}

}  // namespace

float Normalize(long width, float* x) { return NormalizeRow(width, x); }
double Normalize(long width, double* x) { return NormalizeRow(width, x); }

void NormalizeGradient(long width, float inverse_std, const float* normal, const float* gain,
                       const float* dy, float* dx) {
  GradientRow(width, inverse_std, normal, gain, dy, dx);
}
void NormalizeGradient(long width, double inverse_std, const double* normal, const double* gain,
                       const double* dy, double* dx) {
  GradientRow(width, inverse_std, normal, gain, dy, dx);
}

void ScaleAndRelu(long width, const float* normal, const float* gain, const float* shift,
                  float* y) {
  ScaleRow(width, normal, gain, shift, y);
}
void ScaleAndRelu(long width, const double* normal, const double* gain, const double* shift,
                  double* y) {
  ScaleRow(width, normal, gain, shift, y);
}

}  // namespace pmoe
