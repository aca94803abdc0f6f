#include "learner/sac/row_stats.h"

#include <limits>

#include "learner/kernels/mixture_stat_rows.h"
#include "learner/kernels/vector_math.h"

namespace pmoe {

template <typename T>
RowStats<T>::RowStats(int primitives, int action_dim, bool composed)
    : primitives_(primitives),
      action_dim_(action_dim),
      composed_(composed),
      squashed_(static_cast<size_t>(primitives * action_dim)) {}

template <typename T>
void RowStats<T>::Write(const HeadRows<T>& heads, const Draws<T>& draws,
                        const PolicyTerms<T>& terms, long i, T* to) {
  const int K = primitives_, A = action_dim_;
  const T pairs = static_cast<T>(K * (K - 1)) / T{2};
  constexpr T kUnknown = std::numeric_limits<T>::quiet_NaN();
  const T* const mean = heads.mean.data() + i * K * A;
  for (int j = 0; j < K * A && K > 1; ++j) squashed_[static_cast<size_t>(j)] = Tanh(mean[j]);
  const size_t at = static_cast<size_t>(i);
  to[kPolicyLoss] = terms.primitive_loss[at];
  to[kRouterLoss] = terms.router_loss[at];
  to[kLogProb] = terms.held_log_prob[at];
  to[kQ] = terms.held_q[at];
  T entropy = 0, loser_std = 0;
  for (int k = 0; k < K; ++k) {
    const T w = heads.w[static_cast<size_t>(i * K + k)];
    const bool best = k == terms.best[at];
    entropy -= w * LogOfWeight(w);
    to[kFirstWeight + k] = w;
    to[kFirstWeight + K + k] = composed_ ? kUnknown : best ? T{1} : T{0};
    if (composed_ || best) continue;
    const T* const std = draws.std.data() + (i * K + k) * A;
    for (int j = 0; j < A; ++j) loser_std += std[j];
  }
  to[kRouterEntropy] = entropy;
  to[kDistance] = PairDistances(K, A, squashed_.data()) / pairs;
  to[kLoserStd] = composed_ ? kUnknown : loser_std / static_cast<T>((K - 1) * A);
}

template class RowStats<float>;
template class RowStats<double>;

}  // namespace pmoe
