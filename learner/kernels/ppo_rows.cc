#include "learner/kernels/ppo_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "learner/kernels/vector_math.h"

namespace pmoe {
namespace {

constexpr float kUniformMin = 0x1p-25f;
constexpr float kLogRatioMax = 20.0f;

// How much of the gradient of min(a, b) is a's.
template <typename T>
T ShareOfMin(T a, T b) {
  return a < b ? T{1} : a == b ? T{0.5} : T{0};
}

template <typename T>
T Clamp(T x, T low, T high) {
  return x < low ? low : x > high ? high : x;
}

}  // namespace

template <typename T>
void StandardizeRows(long rows, T* x) {
  // In double: the float mean of equal numbers is not that number, and what is left over its own
  // size is 1.
  double sum = 0, squares = 0;
  const double n = static_cast<double>(rows);
  for (long i = 0; i < rows; ++i) sum += static_cast<double>(x[i]);
  const double mean = sum / n;
  for (long i = 0; i < rows; ++i) {
    const double apart = static_cast<double>(x[i]) - mean;
    squares += apart * apart;
  }
  const double std = std::sqrt(squares / (n - 1.0)) + 1e-8;
  for (long i = 0; i < rows; ++i) x[i] = static_cast<T>((static_cast<double>(x[i]) - mean) / std);
}

template <typename T>
SurrogateSums SurrogateRows(long rows, double clip, const T* log_prob, const T* old,
                            const T* advantage, T* to_log_prob) {
  const T low = static_cast<T>(1.0 - clip), high = static_cast<T>(1.0 + clip);
  const T most = static_cast<T>(clip), per_row = T{1} / static_cast<T>(rows);
  SurrogateSums sums;
  for (long i = 0; i < rows; ++i) {
    const T log_ratio = log_prob[i] - old[i];
    // Exp stops at e^88; a ratio beyond must end the run and not pass for a number.
    const T ratio = log_ratio > T{88} ? std::numeric_limits<T>::infinity() : Exp(log_ratio);
    const T free = ratio * advantage[i], bound = Clamp(ratio, low, high) * advantage[i];
    const T passes = ratio >= low && ratio <= high ? T{1} : T{0};
    const T share = ShareOfMin(free, bound);
    to_log_prob[i] = -per_row * advantage[i] * (share + (T{1} - share) * passes) * ratio;
    sums.loss -= static_cast<double>(free < bound ? free : bound);
    sums.kl += static_cast<double>(ratio - T{1} - log_ratio);
    sums.clip_share += std::fabs(ratio - T{1}) > most ? 1.0 : 0.0;
  }
  const double n = static_cast<double>(rows);
  return {sums.loss / n, sums.kl / n, sums.clip_share / n};
}

template <typename T>
double ValueRows(long rows, double clip, double coef, const T* value, long value_row, const T* old,
                 const T* returns, T* to_value) {
  const T most = static_cast<T>(clip), scale = static_cast<T>(coef) / static_cast<T>(rows);
  double loss = 0.0;
  for (long i = 0; i < rows; ++i) {
    const T v = value[i * value_row], error = v - returns[i];
    T gradient = error, larger = error * error;
    if (clip > 0.0) {
      const T moved = v - old[i];
      const T other = old[i] + Clamp(moved, -most, most) - returns[i];
      const T passes = moved >= -most && moved <= most ? T{1} : T{0};
      const T share = ShareOfMin(other * other, larger);  // of the larger, which is `error`'s
      gradient = share * error + (T{1} - share) * passes * other;
      larger = other * other <= larger ? larger : other * other;  // NaN stays NaN
    }
    to_value[i * value_row] = scale * gradient;
    loss += static_cast<double>(larger);
  }
  return 0.5 * loss / static_cast<double>(rows);
}

template <typename T>
double SquaredErrorRows(long rows, const T* value, long value_row, const T* target, T* to_value) {
  return 2.0 * ValueRows<T>(rows, 0.0, 2.0, value, value_row, target, target, to_value);
}

template <typename T>
double ArmErrorRows(long rows, long arms, const int* arm, const T* value, const T* target,
                    T* to_value) {
  const T scale = T{2} / static_cast<T>(rows);
  double loss = 0.0;
  std::fill_n(to_value, rows * arms, T{0});
  for (long i = 0; i < rows; ++i) {
    const long at = i * arms + arm[i];
    const T error = value[at] - target[i];
    to_value[at] = scale * error;
    loss += static_cast<double>(error * error);
  }
  return loss / static_cast<double>(rows);
}

template <typename T>
void TiltedWeights(long rows, long primitives, double tau, const T* log_w, const T* score,
                   T* tilted) {
  const T inv_tau = static_cast<T>(1.0 / tau);
  for (long b = 0; b < rows; ++b) {
    const long first = b * primitives;
    T largest = -std::numeric_limits<T>::infinity(), sum = 0;
    for (long k = first; k < first + primitives; ++k) {
      tilted[k] = log_w[k] + score[k] * inv_tau;
      largest = std::max(largest, tilted[k]);
    }
    for (long k = first; k < first + primitives; ++k) sum += tilted[k] = Exp(tilted[k] - largest);
    for (long k = first; k < first + primitives; ++k) tilted[k] /= sum;
  }
}

template <typename T>
double FrequencyRows(long rows, long primitives, const FrequencyOptions& options, const T* log_w,
                     const T* w, const T* target, const T* row_weight, T* to_logits) {
  const double n = static_cast<double>(rows);
  const double terms = options.mean_over_primitives ? static_cast<double>(primitives) : 1.0;
  double loss = 0.0;
  for (long b = 0; b < rows; ++b) {
    const T* const row = w + b * primitives;
    const T* const v = target + b * primitives;
    T* const to = to_logits + b * primitives;
    const T counts = row_weight == nullptr ? T{1} : row_weight[b];
    if (options.cross_entropy) {
      const T scale = static_cast<T>(options.coef / n) * counts;
      for (long k = 0; k < primitives; ++k) {
        to[k] += scale * (row[k] - v[k]);
        if (v[k] != 0) loss -= static_cast<double>(counts * v[k] * log_w[b * primitives + k]);
      }
      continue;
    }
    const T slope = static_cast<T>(-2.0 * options.coef / (n * terms)) * counts;
    T mean = 0, squares = 0;  // sum_k w_k dL/dw_k
    for (long k = 0; k < primitives; ++k) {
      const T error = v[k] - row[k];
      squares += error * error;
      mean += row[k] * (slope * error);
    }
    for (long k = 0; k < primitives; ++k) to[k] += row[k] * (slope * (v[k] - row[k]) - mean);
    loss += static_cast<double>(counts * squares) / terms;
  }
  return loss / n;
}

template <typename T>
double EntropyFloorRows(long rows, long primitives, double floor, double coef, const T* log_w,
                        const T* w, T* to_logits) {
  const T per_row = static_cast<T>(coef / static_cast<double>(rows));
  double loss = 0.0;
  for (long b = 0; b < rows; ++b) {
    const long first = b * primitives;
    T entropy = 0;
    for (long k = first; k < first + primitives; ++k) entropy -= w[k] * log_w[k];
    const double below = floor - static_cast<double>(entropy);
    if (below <= 0.0) continue;
    loss += below;
    for (long k = first; k < first + primitives; ++k) {
      to_logits[k] += per_row * w[k] * (log_w[k] + entropy);
    }
  }
  return loss / static_cast<double>(rows);
}

template <typename T>
double EntropyRows(long rows, long primitives, double scale, const T* log_w, const T* w,
                   const T* gaussian, T* to_logits) {
  const T per_row = static_cast<T>(scale / static_cast<double>(rows));
  double all = 0.0;
  for (long b = 0; b < rows; ++b) {
    const long first = b * primitives;
    T entropy = 0;
    for (long k = first; k < first + primitives; ++k) entropy += w[k] * (gaussian[k] - log_w[k]);
    all += static_cast<double>(entropy);
    if (scale == 0.0) continue;
    for (long k = first; k < first + primitives; ++k) {
      to_logits[k] += per_row * w[k] * (gaussian[k] - log_w[k] - entropy);
    }
  }
  return all / static_cast<double>(rows);
}

// y_k = softmax((log w_k + G_k) / tau) with G fixed, and d log_prob / dy_k = N_k / N_component.
template <typename T>
void GumbelGradientRows(long rows, long primitives, double tau, const T* log_n, const T* log_w,
                        const T* w, const int* component, const float* uniform,
                        const T* to_log_prob, T* scratch, T* to_logits) {
  constexpr T kMost = std::numeric_limits<T>::max();
  const T inv_tau = static_cast<T>(1.0 / tau);
  for (long b = 0; b < rows; ++b) {
    const long first = b * primitives, acted = component[b];
    const auto exponential = [&](long k) {
      return -Log(static_cast<T>(std::max(uniform[first + k], kUniformMin)));
    };
    const T least = exponential(acted);
    T largest = -Log(least) * inv_tau;
    for (long k = 0; k < primitives; ++k) {
      const T time = k == acted ? least : exponential(k) * Exp(-log_w[first + k]) + least;
      // Beyond the largest number where the router is certain: then y_k is 0 all the same.
      scratch[k] = -Log(time > kMost ? kMost : time) * inv_tau;
      largest = std::max(largest, scratch[k]);
    }
    T sum = 0, mean = 0, total = 0;
    for (long k = 0; k < primitives; ++k) sum += scratch[k] = Exp(scratch[k] - largest);
    const auto slope = [&](long k) {
      const T apart = log_n[first + k] - log_n[first + acted];
      return Exp(std::min(apart, T{kLogRatioMax}));
    };
    for (long k = 0; k < primitives; ++k) mean += (scratch[k] /= sum) * slope(k);
    const T scale = to_log_prob[b] * inv_tau;
    for (long k = 0; k < primitives; ++k) {
      scratch[k] = scale * scratch[k] * (slope(k) - mean);  // d/dlog w_k
      total += scratch[k];
    }
    for (long k = 0; k < primitives; ++k) to_logits[first + k] += scratch[k] - w[first + k] * total;
  }
}

namespace {

template <typename T>
double Squares(long n, const T* x) {
  constexpr long kChunk = 1024, kLanes = 16;
  double sum = 0.0;
  for (long begin = 0; begin < n; begin += kChunk) {
    T lanes[kLanes] = {};
    const long end = std::min(n, begin + kChunk), whole = begin + (end - begin) / kLanes * kLanes;
    for (long i = begin; i < whole; i += kLanes) {
      for (long lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane] * x[i + lane];
    }
    for (long i = whole; i < end; ++i) lanes[i - whole] += x[i] * x[i];
    for (const T lane : lanes) sum += static_cast<double>(lane);
  }
  return sum;
}

}  // namespace

double SquaredNorm(long n, const float* x) { return Squares(n, x); }
double SquaredNorm(long n, const double* x) { return Squares(n, x); }

#define PMOE_INSTANTIATE(T)                                                                        \
  template void StandardizeRows(long, T*);                                                         \
  template SurrogateSums SurrogateRows(long, double, const T*, const T*, const T*, T*);            \
  template double ValueRows(long, double, double, const T*, long, const T*, const T*, T*);         \
  template double SquaredErrorRows(long, const T*, long, const T*, T*);                            \
  template double ArmErrorRows(long, long, const int*, const T*, const T*, T*);                    \
  template void TiltedWeights(long, long, double, const T*, const T*, T*);                         \
  template double FrequencyRows(long, long, const FrequencyOptions&, const T*, const T*, const T*, \
                                const T*, T*);                                                     \
  template double EntropyFloorRows(long, long, double, double, const T*, const T*, T*);            \
  template double EntropyRows(long, long, double, const T*, const T*, const T*, T*);               \
  template void GumbelGradientRows(long, long, double, const T*, const T*, const T*, const int*,   \
                                   const float*, const T*, T*, T*)
PMOE_INSTANTIATE(float);
PMOE_INSTANTIATE(double);
#undef PMOE_INSTANTIATE

}  // namespace pmoe
