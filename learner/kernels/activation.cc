#include "learner/kernels/activation.h"

#include "learner/kernels/vector_math.h"

namespace pmoe {
namespace {

template <typename T, typename Function>
void ForEach(long n, T* __restrict y, Function f) {
  for (long i = 0; i < n; ++i) y[i] = f(y[i]);
}

template <typename T, typename Function>
void Scale(long n, const T* __restrict y, T* __restrict dy, Function derivative) {
  for (long i = 0; i < n; ++i) dy[i] *= derivative(y[i]);
}

template <typename T>
void ActivateAs(Activation activation, long n, T* y) {
  constexpr T kOne = 1;
  switch (activation) {
    case Activation::kIdentity:
      return;
    case Activation::kRelu:
      return ForEach(n, y, [](T x) { return x < T{0} ? T{0} : x; });
    case Activation::kTanh:
      return ForEach(n, y, [](T x) { return Tanh(x); });
    case Activation::kSigmoid:
      return ForEach(n, y, [](T x) { return kOne / (kOne + Exp(-x)); });
    case Activation::kLogSoftplus:
      return ForEach(n, y, [](T x) { return Log(Softplus(x)); });
  }
}

template <typename T>
void GradientAs(Activation activation, long n, const T* y, T* dy) {
  constexpr T kOne = 1;
  switch (activation) {
    case Activation::kIdentity:
      return;
    case Activation::kRelu:
      return Scale(n, y, dy, [](T v) { return v > T{0} ? kOne : T{0}; });
    case Activation::kTanh:
      return Scale(n, y, dy, [](T v) { return kOne - v * v; });
    case Activation::kSigmoid:
      return Scale(n, y, dy, [](T v) { return v * (kOne - v); });
    case Activation::kLogSoftplus:  // s = softplus(x) = e^y: sigmoid(x) / s, sigmoid = 1 - e^-s
      return Scale(n, y, dy, [](T v) {
        const T s = Exp(v);
        return (kOne - Exp(-s)) / s;
      });
  }
}

}  // namespace

void Activate(Activation activation, long n, float* y) { ActivateAs(activation, n, y); }
void Activate(Activation activation, long n, double* y) { ActivateAs(activation, n, y); }
void ActivationGradient(Activation activation, long n, const float* y, float* dy) {
  GradientAs(activation, n, y, dy);
}
void ActivationGradient(Activation activation, long n, const double* y, double* dy) {
  GradientAs(activation, n, y, dy);
}

}  // namespace pmoe
