// The losses of policy and router row by row, and their gradients with respect to what the networks
// said: the fast edition of policy_loss.h, without networks. n rows, K primitives, B batch.
#pragma once

#include <vector>

#include "learner/kernels/mixture.h"
#include "learner/sac/sac_options.h"

namespace pmoe {

// What the losses read.
template <typename T>
struct PolicyTermsInput {
  const HeadRows<T>* heads = nullptr;
  const T* q = nullptr;         // [n, K] clipped double Q of each primitive's action
  const T* log_prob = nullptr;  // [n, K] log-probability of it, under options.entropy
  const T* uniform = nullptr;   // [n] in [0, 1): kReinforce
  T alpha = 0;
  long rows = 0;   // n
  long batch = 0;  // B, over which the losses are means
};

template <typename T>
struct PolicyTerms {
  PolicyTerms(int primitives, long capacity);
  // L_pri and L_freq (Eq. 14 or 13, and 11), MRP's or REINFORCE's loss.
  void Evaluate(const SacOptions& options, const PolicyTermsInput<T>& in);

  int primitives;
  std::vector<int> best;  // [n] the best primitive
  // [n, K] dL/dq and dL/d log pi of an action; both 0 where it has no part in the loss.
  AlignedVector<T> dq, dlog_prob;
  AlignedVector<T> dlogit;  // [n, K] dL/dz of the router, w = softmax(z)
  // Of each row: its loss, its router's loss (without coefficient), and log pi and q of the action
  // that the estimator holds on to. [n]
  AlignedVector<T> primitive_loss, router_loss, held_log_prob, held_q;

 private:
  void Frequency(const SacOptions& options, const PolicyTermsInput<T>& in, long row);
  void Router(const SacOptions& options, const PolicyTermsInput<T>& in, long row);
  void Marginal(const PolicyTermsInput<T>& in, long row);
  void Reinforce(const SacOptions& options, const PolicyTermsInput<T>& in, long row);
};

// k ~ Cat(w) by inversion. w: [K]
template <typename T>
int DrawIndex(const T* w, int primitives, T uniform);

}  // namespace pmoe
