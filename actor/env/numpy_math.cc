#include "actor/env/numpy_math.h"

#include <array>
#include <cmath>
#include <cstddef>

#ifdef __FAST_MATH__
#error "this file must round as NumPy does: build it without -ffast-math and -Ofast"
#endif

namespace pmoe {
namespace {

constexpr size_t kLanes = 8;
constexpr size_t kBlock = 128;

double Identity(double x) { return x; }
double Square(double x) { return x * x; }
float SquareFloat32(double x) { return static_cast<float>(x) * static_cast<float>(x); }

template <auto kTerm>
auto PairwiseSum(const double* x, size_t n) -> decltype(kTerm(0.0)) {
  using Number = decltype(kTerm(0.0));
  if (n < kLanes) {
    Number sum = -0.0;
    for (size_t i = 0; i < n; ++i) sum += kTerm(x[i]);
    return sum;
  }
  if (n > kBlock) {
    size_t half = n / 2;
    half -= half % kLanes;
    return PairwiseSum<kTerm>(x, half) + PairwiseSum<kTerm>(x + half, n - half);
  }
  std::array<Number, kLanes> lane;
  for (size_t i = 0; i < kLanes; ++i) lane[i] = kTerm(x[i]);
  size_t i = kLanes;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t j = 0; j < kLanes; ++j) lane[j] += kTerm(x[i + j]);
  }
  Number sum =
      ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
  for (; i < n; ++i) sum += kTerm(x[i]);
  return sum;
}

}  // namespace

// 0 + …: a reduction starts from the identity, which turns a sum of negative zeros into +0.
double NumpySum(absl::Span<const double> x) {
  return 0.0 + PairwiseSum<Identity>(x.data(), x.size());
}

double NumpySumOfSquares(absl::Span<const double> x) {
  return 0.0 + PairwiseSum<Square>(x.data(), x.size());
}

float NumpySumOfSquaresFloat32(absl::Span<const double> x) {
  return 0.0F + PairwiseSum<SquareFloat32>(x.data(), x.size());
}

double NumpyNorm(absl::Span<const double> x) {
  double sum = 0.0;
  for (const double v : x) sum = std::fma(v, v, sum);
  return std::sqrt(sum);
}

double NumpyScalarSquare(double x) {
  // Not a constant: the compiler would write x * x.
  volatile double exponent = 2.0;
  return std::pow(x, exponent);
}

void AddUniformNoise(double scale, Pcg64* generator, absl::Span<double> values) {
  for (double& value : values) value += generator->Uniform(-scale, scale);
}

double NumpyClip(double x, double low, double high) {
  if (std::isnan(x)) return x;
  const double raised = x > low ? x : low;
  return raised < high ? raised : high;
}

}  // namespace pmoe
