// Densities of rows under Gaussians and a router, and gradients back to what the heads put out. No
// squashing: actions are the Gaussian's own numbers. Pure functions on the caller's memory, vectors
// along a row. B rows, S Gaussians per row, A action_dim.
#pragma once

#include "common/policy/policy_spec.h"

namespace pmoe {

// A row every `row` elements; 0: one row for all.
template <typename T>
struct Matrix {
  T* data = nullptr;
  long row = 0;

  T* At(long i) const { return data + i * row; }
  operator Matrix<const T>() const { return {data, row}; }
};

struct GaussianShape {
  long rows = 0;
  long gaussians = 0;
  long actions = 0;
  long width() const { return gaussians * actions; }
};

// Within [-20, 2]; NaN stays NaN.
template <typename T>
T ClampedLogStd(T raw) {
  constexpr T kMin = kLogStdMin, kMax = kLogStdMax;
  return raw < kMin ? kMin : raw > kMax ? kMax : raw;
}

// Whether the clamp passes a gradient on.
template <typename T>
bool LogStdIsFree(T raw) {
  constexpr T kMin = kLogStdMin, kMax = kLogStdMax;
  return (raw >= kMin) & (raw <= kMax);
}

// log_std = raw within [-20, 2], std = e^log_std, inv_std = e^-log_std. n numbers.
template <typename T>
void ClampLogStd(long n, const T* raw, T* log_std, T* std, T* inv_std);

// What the densities need of a batch, all [B, S * A]; the stds may be one row.
template <typename T>
struct GaussianRows {
  Matrix<const T> mean;
  Matrix<const T> log_std;
  Matrix<const T> inv_std;
};

// z = (a - mean) / std [B, S * A] and log N_k(a) [B, S]. action: [B, S * A], each row's S times.
template <typename T>
void LogDensities(const GaussianShape& shape, const GaussianRows<T>& of, const T* action, T* z,
                  T* log_n);

// From d/dlog N_k [B, S]: d/dmean = g z / std, d/dlog_std = g (z^2 - 1). [B, S * A] both.
template <typename T>
void DensityGradient(const GaussianShape& shape, const GaussianRows<T>& of, const T* z, const T* g,
                     Matrix<T> to_mean, Matrix<T> to_log_std);

// Adds d/dlog_std of sum_k share_k H(N_k) = share_k. share: [B, S]
template <typename T>
void AddEntropyGradient(const GaussianShape& shape, const T* share, Matrix<T> to_log_std);

// The clamp's: 0 where raw lies outside [-20, 2]. [B, S * A]
template <typename T>
void MaskLogStdGradient(const GaussianShape& shape, Matrix<const T> raw, Matrix<T> to_log_std);

// w = softmax(z) [K]; w may be z. log w is z less these two.
template <typename T>
struct SoftmaxScale {
  T largest;  // z
  T log_sum;  // of e^(z - largest)
};
template <typename T>
SoftmaxScale<T> SoftmaxRow(long columns, const T* z, T* w);

// log softmax and softmax of logits, [B, K] each.
template <typename T>
void LogSoftmax(long rows, long columns, Matrix<const T> logits, T* log_w, T* w);

// log sum_k w_k N_k [B] and each one's share of it, [B, K].
template <typename T>
void MixtureLogDensity(long rows, long columns, const T* log_w, const T* log_n, T* log_prob,
                       T* share);

// a = mean + std eps, [B, S * A].
template <typename T>
void DrawActions(const GaussianShape& shape, Matrix<const T> mean, Matrix<const T> std,
                 const float* eps, T* action);

}  // namespace pmoe
