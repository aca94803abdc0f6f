#include "learner/kernels/mixture_rows.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "learner/kernels/vector_math.h"

namespace pmoe {

template <typename T>
void ClampLogStd(long n, const T* __restrict raw, T* __restrict log_std, T* __restrict std,
                 T* __restrict inv_std) {
  for (long i = 0; i < n; ++i) {
    const T x = ClampedLogStd(raw[i]);
    log_std[i] = x;
    std[i] = Exp(x);
    inv_std[i] = Exp(-x);
  }
}

template <typename T>
void LogDensities(const GaussianShape& shape, const GaussianRows<T>& of, const T* action, T* z,
                  T* log_n) {
  const long width = shape.width();
  const T log_sqrt_2pi =
      static_cast<T>(0.5 * std::log(2.0 * std::numbers::pi) * static_cast<double>(shape.actions));
  for (long b = 0; b < shape.rows; ++b) {
    const T* __restrict const mean = of.mean.At(b);
    const T* __restrict const inv_std = of.inv_std.At(b);
    const T* __restrict const log_std = of.log_std.At(b);
    const T* __restrict const a = action + b * width;
    T* __restrict const to = z + b * width;
    for (long i = 0; i < width; ++i) to[i] = (a[i] - mean[i]) * inv_std[i];
    for (long k = 0; k < shape.gaussians; ++k) {
      T sum = 0;
      for (long j = k * shape.actions; j < (k + 1) * shape.actions; ++j) {
        sum += to[j] * to[j] * T{-0.5} - log_std[j];
      }
      log_n[b * shape.gaussians + k] = sum - log_sqrt_2pi;
    }
  }
}

template <typename T>
void DensityGradient(const GaussianShape& shape, const GaussianRows<T>& of, const T* z, const T* g,
                     Matrix<T> to_mean, Matrix<T> to_log_std) {
  for (long b = 0; b < shape.rows; ++b) {
    for (long k = 0; k < shape.gaussians; ++k) {
      const T weight = g[b * shape.gaussians + k];
      const long first = k * shape.actions;
      const T* __restrict const from = z + b * shape.width() + first;
      const T* __restrict const inv_std = of.inv_std.At(b) + first;
      T* __restrict const mean = to_mean.At(b) + first;
      T* __restrict const log_std = to_log_std.At(b) + first;
      for (long j = 0; j < shape.actions; ++j) {
        mean[j] = weight * (from[j] * inv_std[j]);
        log_std[j] = weight * (from[j] * from[j] - T{1});
      }
    }
  }
}

template <typename T>
void AddEntropyGradient(const GaussianShape& shape, const T* share, Matrix<T> to_log_std) {
  for (long b = 0; b < shape.rows; ++b) {
    T* const to = to_log_std.At(b);
    for (long i = 0; i < shape.width(); ++i) {
      to[i] += share[b * shape.gaussians + i / shape.actions];
    }
  }
}

template <typename T>
void MaskLogStdGradient(const GaussianShape& shape, Matrix<const T> raw, Matrix<T> to_log_std) {
  for (long b = 0; b < shape.rows; ++b) {
    const T* __restrict const x = raw.At(b);
    T* __restrict const to = to_log_std.At(b);
    for (long i = 0; i < shape.width(); ++i) {
      to[i] = LogStdIsFree(x[i]) ? to[i] : T{0};
    }
  }
}

template <typename T>
SoftmaxScale<T> SoftmaxRow(long columns, const T* z, T* w) {
  const T largest = *std::max_element(z, z + columns);
  for (long k = 0; k < columns; ++k) w[k] = Exp(z[k] - largest);
  T sum = 0;
  for (long k = 0; k < columns; ++k) sum += w[k];
  for (long k = 0; k < columns; ++k) w[k] /= sum;
  return {largest, Log(sum)};
}

template <typename T>
void LogSoftmax(long rows, long columns, Matrix<const T> logits, T* log_w, T* w) {
  for (long b = 0; b < rows; ++b) {
    const T* __restrict const x = logits.At(b);
    T* __restrict const log_out = log_w + b * columns;
    const SoftmaxScale<T> scale = SoftmaxRow(columns, x, w + b * columns);
    const T shift = scale.largest + scale.log_sum;
    for (long k = 0; k < columns; ++k) log_out[k] = x[k] - shift;
  }
}

template <typename T>
void MixtureLogDensity(long rows, long columns, const T* log_w, const T* log_n, T* log_prob,
                       T* share) {
  for (long b = 0; b < rows; ++b) {
    const T* __restrict const w = log_w + b * columns;
    const T* __restrict const n = log_n + b * columns;
    T* const out = share + b * columns;
    for (long k = 0; k < columns; ++k) out[k] = w[k] + n[k];
    const SoftmaxScale<T> scale = SoftmaxRow<T>(columns, out, out);
    log_prob[b] = scale.largest + scale.log_sum;
  }
}

template <typename T>
void DrawActions(const GaussianShape& shape, Matrix<const T> mean, Matrix<const T> std,
                 const float* eps, T* action) {
  for (long b = 0; b < shape.rows; ++b) {
    const T* __restrict const m = mean.At(b);
    const T* __restrict const s = std.At(b);
    const float* __restrict const e = eps + b * shape.width();
    T* __restrict const a = action + b * shape.width();
    for (long i = 0; i < shape.width(); ++i) a[i] = m[i] + s[i] * static_cast<T>(e[i]);
  }
}

#define PMOE_INSTANTIATE(T)                                                                       \
  template void ClampLogStd(long, const T*, T*, T*, T*);                                          \
  template void LogDensities(const GaussianShape&, const GaussianRows<T>&, const T*, T*, T*);     \
  template void DensityGradient(const GaussianShape&, const GaussianRows<T>&, const T*, const T*, \
                                Matrix<T>, Matrix<T>);                                            \
  template void AddEntropyGradient(const GaussianShape&, const T*, Matrix<T>);                    \
  template void MaskLogStdGradient(const GaussianShape&, Matrix<const T>, Matrix<T>);             \
  template SoftmaxScale<T> SoftmaxRow(long, const T*, T*);                                        \
  template void LogSoftmax(long, long, Matrix<const T>, T*, T*);                                  \
  template void MixtureLogDensity(long, long, const T*, const T*, T*, T*);                        \
  template void DrawActions(const GaussianShape&, Matrix<const T>, Matrix<const T>, const float*, \
                            T*)
PMOE_INSTANTIATE(float);
PMOE_INSTANTIATE(double);
#undef PMOE_INSTANTIATE

}  // namespace pmoe
