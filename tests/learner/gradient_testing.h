// Gradients of autograd against central differences, in float64.
#pragma once

#include <algorithm>
#include <cmath>

#include "ATen/TensorOperators.h"
#include "ATen/core/Tensor.h"
#include "absl/functional/function_ref.h"
#include "c10/core/GradMode.h"
#include "common/base/rng.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {

// Standard normal, float64; a stream of its own for each number.
inline at::Tensor RandomDoubles(at::IntArrayRef shape, uint32_t stream) {
  Rng rng(7, RngRole::kLearner, stream);
  return NormalTensor(shape, &rng).to(at::kDouble);
}

// Gradient of the scalar f at x.
inline at::Tensor GradientOf(const at::Tensor& at_x,
                             absl::FunctionRef<at::Tensor(const at::Tensor& x)> f) {
  at::Tensor x = at_x.detach().clone().requires_grad_(true);
  f(x).backward();
  return x.grad();
}

// Largest difference between autograd and central differences of the scalar f.
inline double GradientError(const at::Tensor& at_x,
                            absl::FunctionRef<at::Tensor(const at::Tensor& x)> f) {
  const at::Tensor gradient = GradientOf(at_x, f);
  const c10::AutoGradMode no_grad(false);
  constexpr double kStep = 1e-6;
  double worst = 0.0;
  for (int64_t i = 0; i < at_x.numel(); ++i) {
    at::Tensor moved = at_x.clone();
    moved.view(-1)[i] += kStep;
    const double above = f(moved).item<double>();
    moved.view(-1)[i] -= 2.0 * kStep;
    const double slope = (above - f(moved).item<double>()) / (2.0 * kStep);
    worst = std::max(worst, std::abs(slope - gradient.view(-1)[i].item<double>()));
  }
  return worst;
}

}  // namespace pmoe
