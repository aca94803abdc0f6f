#include "actor/env/mjcf/reward_math.h"

#include <cmath>
#include <cstddef>

namespace pmoe {
namespace {

double SquaredDistance(absl::Span<const double> a, absl::Span<const double> b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

}  // namespace

double TrackingReward(absl::Span<const double> x, absl::Span<const double> target, double sigma) {
  return std::exp(-SquaredDistance(x, target) / (sigma * sigma));
}

double SquaredTilt(const double* rotation) {
  return rotation[6] * rotation[6] + rotation[7] * rotation[7];
}

double BeyondRange(double x, double low, double high, double share) {
  const double middle = 0.5 * (low + high), half = 0.5 * (high - low) * share;
  return std::fmax(0.0, std::abs(x - middle) - half);
}

double DistanceBetween(absl::Span<const double> a, absl::Span<const double> b) {
  return std::sqrt(SquaredDistance(a, b));
}

double AbsolutePower(absl::Span<const double> force, absl::Span<const double> velocity) {
  double sum = 0.0;
  for (size_t i = 0; i < force.size(); ++i) sum += std::abs(force[i] * velocity[i]);
  return sum;
}

}  // namespace pmoe
