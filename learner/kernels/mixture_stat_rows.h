// What MixtureStats (learner/nets/mixture_stats.h) says of a minibatch, without LibTorch.
#pragma once

#include "learner/kernels/mixture_rows.h"

namespace pmoe {

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
