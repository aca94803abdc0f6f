#include "learner/kernels/composed.h"

#include <algorithm>

#include "learner/kernels/vector_math.h"

namespace pmoe {
namespace {

template <typename T>
T Clamped(T log_std) {
  return std::min(std::max(log_std, T{kLogStdMin}), T{kLogStdMax});
}

// Of one action dimension of a row: its K primitives stand `stride` apart.
template <typename T>
struct Column {
  int primitives;
  long stride;
  const T *mean, *log_std, *w;  // w without a stride
};

// The sums that both the Gaussian and its gradient need: scale is the variance or the precision.
template <typename T>
struct Sums {
  T mean = 0, scale = 0;
};

// Of primitive k in the variance: w or w^2.
template <typename T>
T Share(bool squared, T w) {
  return squared ? w * w : w;
}

template <typename T>
Sums<T> SumUp(const Composition& composition, const Column<T>& c) {
  const bool gating = composition.head == HeadType::kGating;
  Sums<T> sums;
  for (int k = 0; k < c.primitives; ++k) {
    const T mean = c.mean[k * c.stride], log_std = c.log_std[k * c.stride], w = c.w[k];
    if (gating) {
      sums.mean += w * mean;
      sums.scale += Share(composition.squared, w) * Exp(T{2} * log_std);
    } else {
      const T part = w * Exp(T{-2} * log_std);
      sums.mean += part * mean;
      sums.scale += part;
    }
  }
  if (!gating) {
    sums.scale = std::max(sums.scale, static_cast<T>(kPrecisionMin));
    sums.mean /= sums.scale;
  }
  return sums;
}

template <typename T>
Column<T> ColumnOf(const HeadRows<T>& of, long row, int j) {
  const int k = of.columns.primitives, a = of.columns.action_dim;
  const long at = row * k * a + j;
  return {k, a, of.mean.data() + at, of.log_std.data() + at, of.w.data() + row * k};
}

// Half the logarithm of the variance, which is minus that of the precision.
template <typename T>
T RawLogStd(const Composition& composition, T scale) {
  const T half = composition.head == HeadType::kGating ? T{0.5} : T{-0.5};
  return half * Log(scale);
}

// Adds one dimension's gradients to those of its primitives and their weights; d_log_std is that of
// the unclamped log-std.
template <typename T>
void AddColumn(const Composition& composition, const Column<T>& c, const Sums<T>& sums, T d_mean,
               T d_log_std, T* mean, T* log_std, T* weight) {
  if (composition.head == HeadType::kGating) {
    const T d_variance = T{0.5} * d_log_std / sums.scale;
    for (int k = 0; k < c.primitives; ++k) {
      const T w = c.w[k], variance = Exp(T{2} * c.log_std[k * c.stride]);
      mean[k * c.stride] = w * d_mean;
      log_std[k * c.stride] = Share(composition.squared, w) * T{2} * variance * d_variance;
      const T slope = composition.squared ? T{2} * w : T{1};
      weight[k] += c.mean[k * c.stride] * d_mean + slope * variance * d_variance;
    }
    return;
  }
  const bool floor = sums.scale <= static_cast<T>(kPrecisionMin);
  const T d_precision = floor ? T{0} : T{-0.5} * d_log_std / sums.scale;
  for (int k = 0; k < c.primitives; ++k) {
    const T precision = Exp(T{-2} * c.log_std[k * c.stride]), part = c.w[k] * precision;
    const T apart = c.mean[k * c.stride] - (floor ? T{0} : sums.mean);
    const T d_part = apart / sums.scale * d_mean + d_precision;
    mean[k * c.stride] = part / sums.scale * d_mean;
    log_std[k * c.stride] = T{-2} * part * d_part;
    weight[k] += precision * d_part;
  }
}

}  // namespace

template <typename T>
void Compose(const Composition& composition, const HeadRows<T>& of, long n, HeadRows<T>* one) {
  const int a = of.columns.action_dim;
  for (long i = 0; i < n; ++i) {
    for (int j = 0; j < a; ++j) {
      const Sums<T> sums = SumUp(composition, ColumnOf(of, i, j));
      one->mean[static_cast<size_t>(i * a + j)] = sums.mean;
      one->log_std[static_cast<size_t>(i * a + j)] = Clamped(RawLogStd(composition, sums.scale));
    }
  }
}

template <typename T>
void ComposeGradient(const Composition& composition, const HeadRows<T>& of, const HeadRows<T>& one,
                     const HeadGradients<T>& of_one, long n, HeadGradients<T>* to) {
  const int k = of.columns.primitives, a = of.columns.action_dim;
  for (long i = 0; i < n; ++i) {
    T* const weight = to->logit.data() + i * k;
    std::fill_n(weight, k, T{0});
    for (int j = 0; j < a; ++j) {
      const Column<T> column = ColumnOf(of, i, j);
      const Sums<T> sums = SumUp(composition, column);
      const T raw = RawLogStd(composition, sums.scale);
      const bool inside = raw >= T{kLogStdMin} && raw <= T{kLogStdMax};
      const size_t at = static_cast<size_t>(i * a + j);
      const long first = i * k * a + j;
      AddColumn(composition, column, sums, of_one.mean[at], inside ? of_one.log_std[at] : T{0},
                to->mean.data() + first, to->log_std.data() + first, weight);
    }
    if (composition.head != HeadType::kGating) continue;  // MCP's router puts out w itself
    const T* const w = of.w.data() + i * k;
    T mean = 0;
    for (int p = 0; p < k; ++p) mean += w[p] * weight[p];
    for (int p = 0; p < k; ++p) weight[p] = w[p] * (weight[p] - mean);
  }
}

template void Compose(const Composition&, const HeadRows<float>&, long, HeadRows<float>*);
template void Compose(const Composition&, const HeadRows<double>&, long, HeadRows<double>*);
template void ComposeGradient(const Composition&, const HeadRows<float>&, const HeadRows<float>&,
                              const HeadGradients<float>&, long, HeadGradients<float>*);
template void ComposeGradient(const Composition&, const HeadRows<double>&, const HeadRows<double>&,
                              const HeadGradients<double>&, long, HeadGradients<double>*);

}  // namespace pmoe
