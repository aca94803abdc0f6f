#include "learner/kernels/compose_rows.h"

#include <algorithm>
#include <cmath>

#include "learner/kernels/vector_math.h"

namespace pmoe {
namespace {

// Of one row and action: what the K add up to.
template <typename T>
struct Sums {
  T weight = 0;  // of the variance (gated), or precision
  T mean = 0;    // gated: the mean; multiplied: times the precision
};

template <typename T>
T PartOf(Composition composition, T w, T log_std) {
  if (composition == Composition::kMultiplied) return w * Exp(T{-2} * log_std);
  return (composition == Composition::kGatedSquared ? w * w : w) * Exp(T{2} * log_std);
}

template <typename T>
Sums<T> SumsOf(const ComposedRows<T>& of, long b, long j) {
  Sums<T> sums;
  for (long k = 0; k < of.shape.gaussians; ++k) {
    const long i = k * of.shape.actions + j;
    const T w = of.w.At(b)[k], part = PartOf(of.composition, w, of.log_std.At(b)[i]);
    sums.weight += part;
    sums.mean += (of.composition == Composition::kMultiplied ? part : w) * of.mean.At(b)[i];
  }
  return sums;
}

// Of one row and action, to all K.
template <typename T>
void GatedGradient(const ComposedRows<T>& of, long b, long j, T by_mean, T by_log_std,
                   Matrix<T> to_mean, Matrix<T> to_log_std, T* to_w) {
  const T by_variance = by_log_std * T{0.5} / SumsOf(of, b, j).weight;
  for (long k = 0; k < of.shape.gaussians; ++k) {
    const long i = k * of.shape.actions + j;
    const T w = of.w.At(b)[k], variance = Exp(T{2} * of.log_std.At(b)[i]);
    const bool squared = of.composition == Composition::kGatedSquared;
    to_mean.At(b)[i] = w * by_mean;
    to_log_std.At(b)[i] = by_variance * (squared ? w * w : w) * T{2} * variance;
    to_w[k] += by_mean * of.mean.At(b)[i] + by_variance * variance * (squared ? T{2} * w : T{1});
  }
}

template <typename T>
void MultipliedGradient(const ComposedRows<T>& of, long b, long j, T by_mean, T by_log_std,
                        Matrix<T> to_mean, Matrix<T> to_log_std, T* to_w) {
  constexpr T kMin = kPrecisionMin;
  const Sums<T> sums = SumsOf(of, b, j);
  const T precision = std::max(sums.weight, kMin);
  const T by_precision = sums.weight >= kMin
                             ? -(by_mean * sums.mean / precision + T{0.5} * by_log_std) / precision
                             : T{0};
  for (long k = 0; k < of.shape.gaussians; ++k) {
    const long i = k * of.shape.actions + j;
    const T inverse = Exp(T{-2} * of.log_std.At(b)[i]), part = of.w.At(b)[k] * inverse;
    const T by_part = by_mean * of.mean.At(b)[i] / precision + by_precision;
    to_mean.At(b)[i] = by_mean * part / precision;
    to_log_std.At(b)[i] = T{-2} * by_part * part;
    to_w[k] += by_part * inverse;
  }
}

}  // namespace

std::optional<Composition> CompositionOf(const PolicySpec& spec) {
  if (spec.head == HeadType::kMcp) return Composition::kMultiplied;
  if (spec.head != HeadType::kGating) return std::nullopt;
  return spec.gating_squared ? Composition::kGatedSquared : Composition::kGated;
}

template <typename T>
void Compose(const ComposedRows<T>& of, T* mean, T* log_std) {
  for (long b = 0; b < of.shape.rows; ++b) {
    for (long j = 0; j < of.shape.actions; ++j) {
      const Sums<T> sums = SumsOf(of, b, j);
      const long i = b * of.shape.actions + j;
      if (of.composition == Composition::kMultiplied) {
        const T precision = std::max(sums.weight, T{kPrecisionMin});
        mean[i] = sums.mean / precision;
        log_std[i] = T{-0.5} * Log(precision);
      } else {
        mean[i] = sums.mean;
        log_std[i] = T{0.5} * Log(sums.weight);
      }
    }
  }
}

template <typename T>
void ComposeGradient(const ComposedRows<T>& of, const T* by_mean, const T* by_log_std,
                     Matrix<T> to_mean, Matrix<T> to_log_std, T* to_w) {
  const bool multiplied = of.composition == Composition::kMultiplied;
  for (long b = 0; b < of.shape.rows; ++b) {
    T* const w = to_w + b * of.shape.gaussians;
    std::fill_n(w, of.shape.gaussians, T{0});
    for (long j = 0; j < of.shape.actions; ++j) {
      const long i = b * of.shape.actions + j;
      const auto gradient = multiplied ? MultipliedGradient<T> : GatedGradient<T>;
      gradient(of, b, j, by_mean[i], by_log_std[i], to_mean, to_log_std, w);
    }
  }
}

template <typename T>
void SoftmaxGradient(long rows, long columns, Matrix<const T> w, T* gradient) {
  for (long b = 0; b < rows; ++b) {
    T* const to = gradient + b * columns;
    T mean = 0;
    for (long k = 0; k < columns; ++k) mean += w.At(b)[k] * to[k];
    for (long k = 0; k < columns; ++k) to[k] = w.At(b)[k] * (to[k] - mean);
  }
}

#define PMOE_INSTANTIATE(T)                                                                       \
  template void Compose(const ComposedRows<T>&, T*, T*);                                          \
  template void ComposeGradient(const ComposedRows<T>&, const T*, const T*, Matrix<T>, Matrix<T>, \
                                T*);                                                              \
  template void SoftmaxGradient(long, long, Matrix<const T>, T*)
PMOE_INSTANTIATE(float);
PMOE_INSTANTIATE(double);
#undef PMOE_INSTANTIATE

}  // namespace pmoe
