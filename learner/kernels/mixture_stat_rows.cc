#include "learner/kernels/mixture_stat_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "learner/kernels/vector_math.h"

namespace pmoe {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

template <typename T>
double MeanDistance(const MixtureRows<T>& of, T* __restrict squashed) {
  double sum = 0.0;
  for (long b = 0; b < of.shape.rows; ++b) {
    const T* __restrict const mean = of.mean.At(b);
    for (long i = 0; i < of.shape.width(); ++i) squashed[i] = Tanh(mean[i]);
    sum += 2.0 * static_cast<double>(PairDistances(of.shape.gaussians, of.shape.actions, squashed));
  }
  const long pairs = of.shape.gaussians * (of.shape.gaussians - 1);
  return sum / static_cast<double>(of.shape.rows * pairs);
}

template <typename T>
double LoserStd(const MixtureRows<T>& of) {
  double sum = 0.0;
  for (long b = 0; b < of.shape.rows; ++b) {
    const T* const std = of.std.At(b);
    const long won = of.best[b] * of.shape.actions;
    for (long i = 0; i < won; ++i) sum += static_cast<double>(std[i]);
    for (long i = won + of.shape.actions; i < of.shape.width(); ++i) {
      sum += static_cast<double>(std[i]);
    }
  }
  return sum / static_cast<double>(of.shape.rows * (of.shape.gaussians - 1) * of.shape.actions);
}

}  // namespace

template <typename T>
T PairDistances(long primitives, long actions, const T* squashed) {
  T sum = 0;
  for (long k = 0; k < primitives; ++k) {
    for (long other = 0; other < k; ++other) {
      T squares = 0;
      for (long j = 0; j < actions; ++j) {
        const T apart = squashed[k * actions + j] - squashed[other * actions + j];
        squares += apart * apart;
      }
      sum += std::sqrt(squares);
    }
  }
  return sum;
}

template <typename T>
void AddMixtureStats(const MixtureRows<T>& of, T* scratch, double* sums) {
  const long primitives = of.shape.gaussians;
  const double rows = static_cast<double>(of.shape.rows);
  double entropy = 0.0, dead = 0.0;
  for (long k = 0; k < primitives; ++k) {
    double usage = 0.0, wins = of.best == nullptr ? kUnknown : 0.0;
    for (long b = 0; b < of.shape.rows; ++b) {
      const T w = of.w.At(b)[k];
      usage += static_cast<double>(w);
      entropy -= static_cast<double>(w * LogOfWeight(w));
      if (of.best != nullptr && of.best[b] == k) wins += 1.0;
    }
    sums[4 + k] += usage / rows;
    sums[4 + primitives + k] += wins / rows;
    dead += usage / rows < kDeadUsage ? 1.0 : 0.0;
  }
  sums[0] += entropy / rows;
  sums[1] += primitives > 1 ? MeanDistance(of, scratch) : kUnknown;
  sums[2] += primitives > 1 && of.best != nullptr ? LoserStd(of) : kUnknown;
  sums[3] += dead;
}

template float PairDistances(long, long, const float*);
template double PairDistances(long, long, const double*);
template void AddMixtureStats(const MixtureRows<float>&, float*, double*);
template void AddMixtureStats(const MixtureRows<double>&, double*, double*);

}  // namespace pmoe
