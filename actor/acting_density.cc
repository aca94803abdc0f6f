#include "actor/acting_density.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace pmoe {
namespace {

float ClampLogStd(float log_std) { return std::clamp(log_std, kLogStdMin, kLogStdMax); }

}  // namespace

void GateGaussians(const PolicySpec& spec, const RowHeads& row, float* mean, float* log_std) {
  const int dims = spec.action_dim;
  for (int j = 0; j < dims; ++j) {
    float m = 0.0f, variance = 0.0f;
    for (int k = 0; k < spec.primitives; ++k) {
      const float w = row.weights[k];
      m += w * row.mean[k * dims + j];
      variance += (spec.gating_squared ? w * w : w) * std::exp(2.0f * row.log_std[k * dims + j]);
    }
    mean[j] = m;
    log_std[j] = ClampLogStd(0.5f * std::log(variance));
  }
}

void MultiplyGaussians(const PolicySpec& spec, const RowHeads& row, float* mean, float* log_std) {
  const int dims = spec.action_dim;
  for (int j = 0; j < dims; ++j) {
    float precision = 0.0f, weighted = 0.0f;
    for (int k = 0; k < spec.primitives; ++k) {
      const float part = row.weights[k] * std::exp(-2.0f * row.log_std[k * dims + j]);
      precision += part;
      weighted += part * row.mean[k * dims + j];
    }
    precision = std::max(precision, kPrecisionMin);
    mean[j] = weighted / precision;
    log_std[j] = ClampLogStd(-0.5f * std::log(precision));
  }
}

double LogDensity(absl::Span<const float> u, const float* mean, const float* log_std) {
  const double log_sqrt_2pi = 0.5 * std::log(2.0 * std::numbers::pi);
  double sum = 0.0;
  for (size_t j = 0; j < u.size(); ++j) {
    const double z = (double{u[j]} - mean[j]) * std::exp(-double{log_std[j]});
    sum += -0.5 * z * z - log_std[j] - log_sqrt_2pi;
  }
  return sum;
}

double MixtureLogDensity(absl::Span<const float> u, int primitives, const RowHeads& row) {
  const size_t dims = u.size();
  const size_t count = static_cast<size_t>(primitives);
  std::array<double, kPrimitivesMax> joint{};  // the step loop allocates nothing
  for (size_t k = 0; k < count; ++k) {
    joint[k] = std::log(double{row.weights[k]}) +
               LogDensity(u, row.mean + k * dims, row.log_std + k * dims);
  }
  const double shift = *std::max_element(joint.begin(), joint.begin() + count);
  double sum = 0.0;
  for (size_t k = 0; k < count; ++k) sum += std::exp(joint[k] - shift);
  return shift + std::log(sum);
}

}  // namespace pmoe
