// Hand-derived gradients against central differences, in double and without LibTorch.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "common/base/rng.h"

namespace pmoe {

using Doubles = std::vector<double>;

// Standard normal times `scale`; a stream of its own for each number.
inline Doubles Normals(size_t n, uint32_t stream, double scale = 1.0) {
  Rng rng(7, RngRole::kLearner, stream);
  Doubles x(n);
  for (double& value : x) value = scale * static_cast<double>(rng.Normal());
  return x;
}

// Largest difference between `gradient` and the central differences of f at x.
inline double GradientError(Doubles x, const Doubles& gradient,
                            const std::function<double(const Doubles&)>& f) {
  constexpr double kStep = 1e-6;
  double worst = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double at = x[i];
    x[i] = at + kStep;
    const double above = f(x);
    x[i] = at - kStep;
    const double slope = (above - f(x)) / (2.0 * kStep);
    x[i] = at;
    worst = std::max(worst, std::abs(slope - gradient[i]));
  }
  return worst;
}

inline constexpr double kSlopeTolerance = 1e-7;

}  // namespace pmoe
