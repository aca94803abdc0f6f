// PPO's losses on a minibatch with their gradients, derived by hand; docs/algorithms/ppo.md and
// pmoe_ppo.md. Where two arguments of min or max are equal each gets half, and a clamp passes
// gradients on its bounds, as in LibTorch. Pure functions on the caller's memory. B rows, K
// primitives.
#pragma once

namespace pmoe {

// x <- (x - mean) / (std + 1e-8), unbiased std. [B]
template <typename T>
void StandardizeRows(long rows, T* x);

// Means over the rows.
struct SurrogateSums {
  double loss = 0.0;        // -min(r A, clip(r, 1 - c, 1 + c) A), r = exp(log_prob - old)
  double kl = 0.0;          // r - 1 - log r
  double clip_share = 0.0;  // |r - 1| > c
};

// `to_log_prob`: the loss's gradient. All [B].
template <typename T>
SurrogateSums SurrogateRows(long rows, double clip, const T* log_prob, const T* old,
                            const T* advantage, T* to_log_prob);

// 0.5 (V - R)^2, with `clip` > 0 the larger of that and the one of V moved by at most `clip` from
// old; its mean. `to_value`: its gradient times coef. The values lie `value_row` apart, as their
// gradients do; the rest [B].
template <typename T>
double ValueRows(long rows, double clip, double coef, const T* value, long value_row, const T* old,
                 const T* returns, T* to_value);

// (Q - R)^2, its mean and gradient; as ValueRows.
template <typename T>
double SquaredErrorRows(long rows, const T* value, long value_row, const T* target, T* to_value);

// (Q_k - R)^2 of the arm k that each row pulled, its mean; the gradients of the others are 0.
// value, to_value: [B, arms]
template <typename T>
double ArmErrorRows(long rows, long arms, const int* arm, const T* value, const T* target,
                    T* to_value);

// w_k exp(score_k / tau) over its sum. log_w, score, tilted: [B, K]
template <typename T>
void TiltedWeights(long rows, long primitives, double tau, const T* log_w, const T* score,
                   T* tilted);

struct FrequencyOptions {
  double coef = 1.0;
  bool cross_entropy = false;
  bool mean_over_primitives = false;
};

// Eq. 11 (or cross entropy) against what the weights shall be, one-hot at the best primitive or any
// distribution; the loss's mean without coef. Adds coef times its gradient to that of the logits.
// log_w, w, target, to_logits: [B, K]; row_weight: [B] by which a row counts, null: 1
template <typename T>
double FrequencyRows(long rows, long primitives, const FrequencyOptions& options, const T* log_w,
                     const T* w, const T* target, const T* row_weight, T* to_logits);

// max(0, floor - H(w)), its mean. Adds coef times its gradient to that of the logits. floor: nats;
// log_w, w, to_logits: [B, K]
template <typename T>
double EntropyFloorRows(long rows, long primitives, double floor, double coef, const T* log_w,
                        const T* w, T* to_logits);

// H(w) + sum_k w_k H(N_k), its mean. With `scale` != 0 adds scale / B times its gradient to that of
// the logits. log_w, w, gaussian (H(N_k)), to_logits: [B, K]
template <typename T>
double EntropyRows(long rows, long primitives, double scale, const T* log_w, const T* w,
                   const T* gaussian, T* to_logits);

// Ratio of a posterior Gumbel-softmax draw (PosteriorGumbelWeights, hard): its log-probability is
// that of the component that acted. From d/dlog_prob [B] and uniform numbers [B, K], adds to the
// gradient of the logits. log_n, log_w, w: [B, K]
template <typename T>
void GumbelGradientRows(long rows, long primitives, double tau, const T* log_n, const T* log_w,
                        const T* w, const int* component, const float* uniform,
                        const T* to_log_prob, T* scratch, T* to_logits);

// Sum of squares: of 1024 elements in 16 lanes, then in order in double. So appended zeros change
// no bit.
double SquaredNorm(long n, const float* x);
double SquaredNorm(long n, const double* x);

}  // namespace pmoe
