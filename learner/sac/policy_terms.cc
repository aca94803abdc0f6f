#include "learner/sac/policy_terms.h"

#include <algorithm>

namespace pmoe {
namespace {

// From dL/dw to dL/dz in place, w = softmax(z): dz_i = w_i (dw_i - sum_k w_k dw_k).
template <typename T>
void ThroughSoftmax(int primitives, const T* w, T* d) {
  T mean = 0;
  for (int k = 0; k < primitives; ++k) mean += w[k] * d[k];
  for (int k = 0; k < primitives; ++k) d[k] = w[k] * (d[k] - mean);
}

}  // namespace

template <typename T>
int DrawIndex(const T* w, int primitives, T uniform) {
  T cumulated = 0;
  int index = 0;
  for (int k = 0; k < primitives; ++k) {
    cumulated += w[k];
    index += cumulated <= uniform ? 1 : 0;
  }
  return std::min(index, primitives - 1);  // the last sum may round below the uniform
}

template <typename T>
PolicyTerms<T>::PolicyTerms(int k, long capacity)
    : primitives(k),
      best(static_cast<size_t>(capacity)),
      dq(static_cast<size_t>(capacity * k)),
      dlog_prob(dq.size()),
      dlogit(dq.size()),
      primitive_loss(best.size()),
      router_loss(best.size()),
      held_log_prob(best.size()),
      held_q(best.size()) {}

template <typename T>
void PolicyTerms<T>::Evaluate(const SacOptions& options, const PolicyTermsInput<T>& in) {
  const size_t numbers = static_cast<size_t>(in.rows * primitives);
  std::fill_n(dq.begin(), numbers, T{0});
  std::fill_n(dlog_prob.begin(), numbers, T{0});
  std::fill_n(dlogit.begin(), numbers, T{0});
  // MRP looks at Q alone.
  const bool soft = options.best_by == BestBy::kSoftQ && options.estimator != Estimator::kMarginal;
  for (long i = 0; i < in.rows; ++i) {
    const T* const q = in.q + i * primitives;
    const T* const log_prob = in.log_prob + i * primitives;
    const auto score = [&](int k) { return soft ? q[k] - in.alpha * log_prob[k] : q[k]; };
    int winner = 0;  // argmax of Eq. 12; the first of equals
    for (int k = 1; k < primitives; ++k) winner = score(k) > score(winner) ? k : winner;
    best[static_cast<size_t>(i)] = winner;
    router_loss[static_cast<size_t>(i)] = 0;
    switch (options.estimator) {
      case Estimator::kMarginal:
        Marginal(in, i);
        break;
      case Estimator::kReinforce:
        Reinforce(options, in, i);
        break;
      default:
        Frequency(options, in, i);
    }
  }
}

// weight_k (alpha log pi_k - q_k): all ones (Eq. 13), or 1 - e for the best and e / (K - 1) for the
// others (Eq. 14 has e = 0).
template <typename T>
void PolicyTerms<T>::Frequency(const SacOptions& options, const PolicyTermsInput<T>& in, long row) {
  const size_t i = static_cast<size_t>(row), first = i * static_cast<size_t>(primitives);
  const T inverse_batch = T{1} / static_cast<T>(in.batch);
  const bool all = options.primitive_backprop == PrimitiveBackprop::kAll || primitives == 1;
  const T loser_weight =
      all ? T{1} : static_cast<T>(options.loser_weight / static_cast<double>(primitives - 1));
  const T winner_weight = all ? T{1} : static_cast<T>(1.0 - options.loser_weight);
  T loss = 0;
  for (int k = 0; k < primitives; ++k) {
    const size_t at = first + static_cast<size_t>(k);
    const T weight = k == best[i] ? winner_weight : loser_weight;
    if (weight == T{0}) continue;
    loss += weight * (in.alpha * in.log_prob[at] - in.q[at]);
    dq[at] = -weight * inverse_batch;
    dlog_prob[at] = weight * in.alpha * inverse_batch;
  }
  const size_t held = first + static_cast<size_t>(best[i]);
  primitive_loss[i] = loss;
  held_log_prob[i] = in.log_prob[held];
  held_q[i] = in.q[held];
  if (in.heads->columns.router.node >= 0) Router(options, in, row);
}

// Eq. 11, sum_k (v_k - w_k)^2 with v one-hot at the best, or the cross-entropy -log w_best.
template <typename T>
void PolicyTerms<T>::Router(const SacOptions& options, const PolicyTermsInput<T>& in, long row) {
  if (options.router_loss == RouterLoss::kNone) return;
  const size_t i = static_cast<size_t>(row), first = i * static_cast<size_t>(primitives);
  const T scale = static_cast<T>(options.freq_coef / static_cast<double>(in.batch));
  if (options.router_loss == RouterLoss::kCrossEntropy) {
    router_loss[i] = -in.heads->log_w[first + static_cast<size_t>(best[i])];
    for (int k = 0; k < primitives; ++k) {
      const size_t at = first + static_cast<size_t>(k);
      dlogit[at] = scale * (in.heads->w[at] - (k == best[i] ? T{1} : T{0}));
    }
    return;
  }
  const T mean =
      options.freq_reduction == Reduction::kMean ? T{1} / static_cast<T>(primitives) : T{1};
  T sum = 0;
  for (int k = 0; k < primitives; ++k) {
    const size_t at = first + static_cast<size_t>(k);
    const T error = in.heads->w[at] - (k == best[i] ? T{1} : T{0});
    sum += error * error;
    dlogit[at] = scale * mean * T{2} * error;
  }
  ThroughSoftmax(primitives, in.heads->w.data() + first, dlogit.data() + first);
  router_loss[i] = sum * mean;
}

// sum_k w_k (alpha log pi_k - q_k), with a gradient through all four.
template <typename T>
void PolicyTerms<T>::Marginal(const PolicyTermsInput<T>& in, long row) {
  const size_t i = static_cast<size_t>(row), first = i * static_cast<size_t>(primitives);
  const T inverse_batch = T{1} / static_cast<T>(in.batch);
  T loss = 0, log_prob = 0, q = 0;
  for (int k = 0; k < primitives; ++k) {
    const size_t at = first + static_cast<size_t>(k);
    const T w = in.heads->w[at], cost = in.alpha * in.log_prob[at] - in.q[at];
    loss += w * cost;
    log_prob += w * in.log_prob[at];
    q += w * in.q[at];
    dq[at] = -w * inverse_batch;
    dlog_prob[at] = w * in.alpha * inverse_batch;
    dlogit[at] = cost * inverse_batch;
  }
  ThroughSoftmax(primitives, in.heads->w.data() + first, dlogit.data() + first);
  primitive_loss[i] = loss;
  held_log_prob[i] = log_prob;
  held_q[i] = q;
}

// c + log w_k stopgrad(c - b), c = alpha log pi_k - q_k of the drawn k, b = 0 or sum_k w_k c_k.
template <typename T>
void PolicyTerms<T>::Reinforce(const SacOptions& options, const PolicyTermsInput<T>& in, long row) {
  const size_t i = static_cast<size_t>(row), first = i * static_cast<size_t>(primitives);
  const T inverse_batch = T{1} / static_cast<T>(in.batch);
  const T* const w = in.heads->w.data() + first;
  const auto cost = [&](size_t at) { return in.alpha * in.log_prob[at] - in.q[at]; };
  T baseline = 0;
  if (options.reinforce_baseline == Baseline::kExpected) {
    for (int k = 0; k < primitives; ++k) baseline += w[k] * cost(first + static_cast<size_t>(k));
  }
  const int drawn = DrawIndex(w, primitives, in.uniform[i]);
  const size_t at = first + static_cast<size_t>(drawn);
  const T ahead = cost(at) - baseline;
  primitive_loss[i] = cost(at) + in.heads->log_w[at] * ahead;
  dq[at] = -inverse_batch;
  dlog_prob[at] = in.alpha * inverse_batch;
  for (int k = 0; k < primitives; ++k) {  // of log w_k
    dlogit[first + static_cast<size_t>(k)] =
        ahead * inverse_batch * ((k == drawn ? T{1} : T{0}) - w[k]);
  }
  held_log_prob[i] = in.log_prob[at];
  held_q[i] = in.q[at];
}

template struct PolicyTerms<float>;
template struct PolicyTerms<double>;
template int DrawIndex(const float*, int, float);
template int DrawIndex(const double*, int, double);

}  // namespace pmoe
