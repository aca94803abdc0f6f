#include "learner/sac/gumbel_draw.h"

#include <algorithm>

#include "learner/kernels/vector_math.h"

namespace pmoe {

template <typename T>
GumbelDraw<T>::GumbelDraw(int k, int a, long capacity)
    : primitives(k),
      action_dim(a),
      soft(static_cast<size_t>(capacity * k)),
      y(soft.size()),
      action(static_cast<size_t>(capacity * a)),
      part_(static_cast<size_t>(a)) {}

template <typename T>
void GumbelDraw<T>::Combine(const HeadRows<T>& heads, const Draws<T>& draws,
                            const GumbelNoise<T>& noise, long n, T* log_prob) {
  const int K = primitives, A = action_dim;
  std::fill_n(action.begin(), n * A, T{0});
  for (long i = 0; i < n; ++i) {
    T* const s = soft.data() + i * K;
    const T* const log_w = heads.log_w.data() + i * K;
    for (int k = 0; k < K; ++k) s[k] = (log_w[k] + noise.gumbel[i * K + k]) / noise.tau;
    const T largest = *std::max_element(s, s + K);
    T sum = 0;
    for (int k = 0; k < K; ++k) sum += s[k] = Exp(s[k] - largest);
    for (int k = 0; k < K; ++k) s[k] /= sum;
    const long winner = std::max_element(s, s + K) - s;
    log_prob[i] = 0;
    for (int k = 0; k < K; ++k) {
      const T weight = !noise.hard ? s[k] : k == winner ? T{1} : T{0};
      y[static_cast<size_t>(i * K + k)] = weight;
      log_prob[i] += weight * draws.log_prob[static_cast<size_t>(i * K + k)];
      const T* const own = draws.action_at(i, k);
      for (int j = 0; j < A; ++j) action[static_cast<size_t>(i * A + j)] += weight * own[j];
    }
  }
}

template <typename T>
void GumbelDraw<T>::AddGradient(const Draws<T>& draws, T tau, long row, const T* da, T dlp,
                                HeadGradients<T>* gradients) {
  const int K = primitives;
  const T* const s = soft.data() + row * K;
  T* const dz = gradients->logit.data() + row * K;  // dL/dy at first
  T mean = 0;
  for (int k = 0; k < K; ++k) {
    const size_t at = static_cast<size_t>(row * K + k);
    const T* const own = draws.action_at(row, k);
    dz[k] = dlp * draws.log_prob[at];
    for (int j = 0; j < action_dim; ++j) {
      part_[static_cast<size_t>(j)] = y[at] * da[j];
      dz[k] += da[j] * own[j];
    }
    gradients->AddDraw(draws, row, k, k, part_.data(), y[at] * dlp);
    mean += s[k] * dz[k];
  }
  for (int k = 0; k < K; ++k) dz[k] = s[k] * (dz[k] - mean) / tau;
}

template struct GumbelDraw<float>;
template struct GumbelDraw<double>;

}  // namespace pmoe
