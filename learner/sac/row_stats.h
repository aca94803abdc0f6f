// What a row adds to an update's statistics: the losses, and what MixtureStats tells of a mixture;
// AddMixtureStats says the same of a minibatch that one thread has whole. Owns its scratch. Used by
// one thread. K primitives, A action_dim.
#pragma once

#include "learner/kernels/mixture.h"
#include "learner/sac/policy_terms.h"

namespace pmoe {

// Then K weights and K ones or zeros for who was best.
enum SacRowStat : int {
  kCriticLoss,
  kPolicyLoss,
  kRouterLoss,
  kLogProb,
  kQ,
  kRouterEntropy,
  kDistance,
  kLoserStd,
  kFirstWeight,
};

// Statistics of a row of K primitives.
constexpr int SacRowStats(int primitives) { return kFirstWeight + 2 * primitives; }

template <typename T>
class RowStats {
 public:
  // composed: gating and MCP, which act with one Gaussian, so that none of their primitives is
  // best.
  RowStats(int primitives, int action_dim, bool composed);

  // All of row i but kCriticLoss. heads: of all K; to: [SacRowStats(K)]
  void Write(const HeadRows<T>& heads, const Draws<T>& draws, const PolicyTerms<T>& terms, long i,
             T* to);

 private:
  int primitives_, action_dim_;
  bool composed_;
  AlignedVector<T> squashed_;  // [K, A] tanh of the means
};

}  // namespace pmoe
