// One action out of K by a Gumbel-softmax draw y (docs/algorithms/pmoe_gumbel_sac.md), row by row,
// and the gradient back to the primitives and the router. n rows, K primitives, A action_dim.
#pragma once

#include "learner/kernels/mixture.h"

namespace pmoe {

// What a draw reads besides the heads.
template <typename T>
struct GumbelNoise {
  const T* gumbel = nullptr;  // [n, K] -log(-log U)
  T tau = 1;
  bool hard = false;  // y is one-hot and keeps the soft one's gradient (straight-through)
};

template <typename T>
struct GumbelDraw {
  GumbelDraw(int primitives, int action_dim, long capacity);

  // a = sum_k y_k a_k [n, A] and log pi = sum_k y_k log pi_k [n], y = softmax((z + g) / tau).
  void Combine(const HeadRows<T>& heads, const Draws<T>& draws, const GumbelNoise<T>& noise, long n,
               T* log_prob);
  // da is dL/da of a row's action [A], dlp dL/d log pi: each primitive gets its y's part, and the
  // router what moves y. Overwrites the row's logits.
  void AddGradient(const Draws<T>& draws, T tau, long row, const T* da, T dlp,
                   HeadGradients<T>* gradients);

  int primitives;
  int action_dim;
  AlignedVector<T> soft, y;  // [n, K]
  AlignedVector<T> action;   // [n, A]

 private:
  AlignedVector<T> part_;  // [A] of da, a primitive's
};

}  // namespace pmoe
