// What MixtureStats (learner/nets/mixture_stats.h) says of a minibatch, without LibTorch.
#pragma once

#include <algorithm>

#include "learner/kernels/mixture_rows.h"
#include "learner/kernels/vector_math.h"

namespace pmoe {

// A primitive is dead when its mean weight on the batch is below this.
inline constexpr double kDeadUsage = 0.01;

// log w of a router's weight, which may be 0.
template <typename T>
T LogOfWeight(T w) {
  return Log(std::max(w, static_cast<T>(1e-30)));
}

// Sum of the Euclidean distances between every two of K actions. squashed: [K, A]
template <typename T>
T PairDistances(long primitives, long actions, const T* squashed);

template <typename T>
struct MixtureRows {
  GaussianShape shape;  // of K primitives
  Matrix<const T> mean;
  Matrix<const T> std;
  Matrix<const T> w;          // [B, K]
  const int* best = nullptr;  // [B]; null where none has a score of its own
};

// Adds to `sums`, in the order of MixtureStatNames: 4 + 2 K numbers. scratch: [K * A]
template <typename T>
void AddMixtureStats(const MixtureRows<T>& of, T* scratch, double* sums);

}  // namespace pmoe
