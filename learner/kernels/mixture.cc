#include "learner/kernels/mixture.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "learner/kernels/mixture_rows.h"
#include "learner/kernels/vector_math.h"

namespace pmoe {
namespace {

template <typename T>
constexpr T kLogSqrt2Pi = static_cast<T>(0.91893853320467274178);
template <typename T>
constexpr T kLog2 = static_cast<T>(std::numbers::ln2);

// Of each number its part of log N(u) - log |da/du|: -eps^2 / 2 - log std - log sqrt(2 pi)
// - 2 (log 2 - u - softplus(-2u)).
template <typename T>
void DrawFlat(long n, const T* __restrict mean, const T* __restrict log_std,
              const T* __restrict eps, T* __restrict std, T* __restrict u, T* __restrict action,
              T* __restrict density) {
  constexpr T kHalf = 0.5, kTwo = 2;
  for (long i = 0; i < n; ++i) {
    std[i] = Exp(log_std[i]);
    u[i] = mean[i] + std[i] * eps[i];
    action[i] = Tanh(u[i]);
    const T log_det = kTwo * (kLog2<T> - u[i] - Softplus(-kTwo * u[i]));
    density[i] = -kHalf * eps[i] * eps[i] - log_std[i] - kLogSqrt2Pi<T> - log_det;
  }
}

template <typename T>
size_t Numbers(const HeadColumns& columns, long rows) {
  return static_cast<size_t>(rows * columns.primitives * columns.action_dim);
}

}  // namespace

HeadColumns::HeadColumns(const NetPlan& plan, const PolicySpec& spec)
    : mean(plan.Find("mean")),
      log_std(plan.Find("log_std")),
      weights(spec.head == HeadType::kMcp),
      primitives(spec.primitives),
      action_dim(spec.action_dim) {
  if (spec.has_router()) router = plan.Find("router");
}

template <typename T>
HeadRows<T>::HeadRows(const HeadColumns& of, long capacity)
    : columns(of),
      mean(Numbers<T>(of, capacity)),
      log_std(mean.size()),
      w(static_cast<size_t>(capacity * of.primitives), T{1}),
      log_w(w.size(), T{0}) {}

template <typename T>
void HeadRows<T>::Read(const NetRows<T>& net, long row, long n) {
  const long width = long{columns.primitives} * columns.action_dim;
  for (long i = 0; i < n; ++i) {
    const T* const m = net.At(columns.mean.node, row + i) + columns.mean.column;
    const T* const l = net.At(columns.log_std.node, row + i) + columns.log_std.column;
    std::copy_n(m, width, mean.data() + i * width);
    for (long j = 0; j < width; ++j) {
      log_std[static_cast<size_t>(i * width + j)] = ClampedLogStd(l[j]);
    }
    if (columns.router.node < 0) continue;
    const T* const z = net.At(columns.router.node, row + i) + columns.router.column;
    if (columns.weights) {
      std::copy_n(z, columns.primitives, w.data() + i * columns.primitives);
      continue;
    }
    const SoftmaxScale<T> scale =
        SoftmaxRow<T>(columns.primitives, z, w.data() + i * columns.primitives);
    T* const to = log_w.data() + i * columns.primitives;
    for (int k = 0; k < columns.primitives; ++k) to[k] = z[k] - scale.largest - scale.log_sum;
  }
}

template <typename T>
Draws<T>::Draws(int s, int a, long capacity)
    : draws(s),
      action_dim(a),
      mean(static_cast<size_t>(capacity * s * a)),
      log_std(mean.size()),
      eps(mean.size()),
      std(mean.size()),
      u(mean.size()),
      action(mean.size()),
      density(mean.size()),
      log_prob(static_cast<size_t>(capacity * s)) {}

template <typename T>
void Draws<T>::DrawAll(const HeadRows<T>& heads, const T* noise, long n) {
  const long numbers = n * draws * action_dim;
  std::copy_n(heads.mean.data(), numbers, mean.data());
  std::copy_n(heads.log_std.data(), numbers, log_std.data());
  std::copy_n(noise, numbers, eps.data());
  Draw(n);
}

template <typename T>
void Draws<T>::DrawOne(const HeadRows<T>& heads, const T* noise, const int* index, long n) {
  const long a = action_dim;
  for (long i = 0; i < n; ++i) {
    const long from = (i * heads.columns.primitives + index[i]) * a;
    std::copy_n(heads.mean.data() + from, a, mean.data() + i * a);
    std::copy_n(heads.log_std.data() + from, a, log_std.data() + i * a);
    std::copy_n(noise + from, a, eps.data() + i * a);
  }
  Draw(n);
}

template <typename T>
void Draws<T>::Draw(long n) {
  DrawFlat(n * draws * action_dim, mean.data(), log_std.data(), eps.data(), std.data(), u.data(),
           action.data(), density.data());
  for (long i = 0; i < n * draws; ++i) {
    T sum = 0;
    for (int j = 0; j < action_dim; ++j) sum += density[static_cast<size_t>(i * action_dim + j)];
    log_prob[static_cast<size_t>(i)] = sum;
  }
}

template <typename T>
T MixtureLogProb(const HeadRows<T>& heads, const Draws<T>& draws, long row, int s, T* share) {
  const int k = heads.columns.primitives, a = draws.action_dim;
  const T* const u = draws.u.data() + (row * draws.draws + s) * a;
  for (int i = 0; i < k; ++i) {
    const T* const mean = heads.mean.data() + (row * k + i) * a;
    const T* const log_std = heads.log_std.data() + (row * k + i) * a;
    T sum = heads.log_w[static_cast<size_t>(row * k + i)];
    for (int j = 0; j < a; ++j) {
      const T eps = (u[j] - mean[j]) * Exp(-log_std[j]);
      sum += static_cast<T>(-0.5) * eps * eps - log_std[j] - kLogSqrt2Pi<T>;
    }
    share[i] = sum;
  }
  const SoftmaxScale<T> scale = SoftmaxRow<T>(k, share, share);
  T log_det = 0;
  for (int j = 0; j < a; ++j) {
    log_det += T{2} * (kLog2<T> - u[j] - Softplus(T{-2} * u[j]));
  }
  return scale.largest + scale.log_sum - log_det;
}

template <typename T>
HeadGradients<T>::HeadGradients(const HeadColumns& of, long capacity)
    : columns(of),
      mean(Numbers<T>(of, capacity)),
      log_std(mean.size()),
      logit(static_cast<size_t>(capacity * of.primitives)) {}

template <typename T>
void HeadGradients<T>::Clear(long n) {
  const size_t numbers = Numbers<T>(columns, n);
  std::fill_n(mean.begin(), numbers, T{0});
  std::fill_n(log_std.begin(), numbers, T{0});
  std::fill_n(logit.begin(), n * columns.primitives, T{0});
}

template <typename T>
void HeadGradients<T>::Write(const NetRows<T>& net, long row, long n, NetRows<T>* to) const {
  const long width = long{columns.primitives} * columns.action_dim;
  for (long i = 0; i < n; ++i) {
    std::copy_n(mean.data() + i * width, width,
                to->At(columns.mean.node, row + i) + columns.mean.column);
    const T* const raw = net.At(columns.log_std.node, row + i) + columns.log_std.column;
    T* const l = to->At(columns.log_std.node, row + i) + columns.log_std.column;
    for (long j = 0; j < width; ++j) {
      l[j] = LogStdIsFree(raw[j]) ? log_std[static_cast<size_t>(i * width + j)] : T{0};
    }
    if (columns.router.node < 0) continue;
    std::copy_n(logit.data() + i * columns.primitives, columns.primitives,
                to->At(columns.router.node, row + i) + columns.router.column);
  }
}

// d log pi_k / du = 2 a, apart from what eps hides: u = mean + std eps, eps fixed.
template <typename T>
void HeadGradients<T>::AddDraw(const Draws<T>& draws, long row, int s, int k, const T* da, T dlp) {
  const long a = draws.action_dim;
  const size_t from = static_cast<size_t>((row * draws.draws + s) * a);
  const size_t to = static_cast<size_t>((row * columns.primitives + k) * a);
  for (size_t j = 0; j < static_cast<size_t>(a); ++j) {
    const T action = draws.action[from + j];
    const T du = da[j] * (T{1} - action * action) + dlp * T{2} * action;
    mean[to + j] += du;
    log_std[to + j] += du * draws.std[from + j] * draws.eps[from + j] - dlp;
  }
}

// With eps_k = (u - mean_k) / std_k and r_k the share: d log pi_mix = sum_k r_k (d log w_k
// - eps_k d eps_k - d log std_k) + 2 a du.
template <typename T>
void HeadGradients<T>::AddMixtureDraw(const HeadRows<T>& heads, const Draws<T>& draws, long row,
                                      int s, int k, const T* da, T dlp, const T* share) {
  const int primitives = columns.primitives, a = draws.action_dim;
  const size_t from = static_cast<size_t>((row * draws.draws + s) * a);
  const size_t own = static_cast<size_t>((row * primitives + k) * a);
  for (size_t j = 0; j < static_cast<size_t>(a); ++j) {
    const T action = draws.action[from + j];
    T du = da[j] * (T{1} - action * action) + dlp * T{2} * action;
    for (int i = 0; i < primitives; ++i) {
      const size_t at = static_cast<size_t>((row * primitives + i) * a) + j;
      const T inverse_std = Exp(-heads.log_std[at]);
      const T eps = (draws.u[from + j] - heads.mean[at]) * inverse_std;
      const T pull = dlp * share[i] * eps;
      mean[at] += pull * inverse_std;
      log_std[at] += pull * eps - dlp * share[i];
      du -= pull * inverse_std;
    }
    mean[own + j] += du;
    log_std[own + j] += du * draws.std[from + j] * draws.eps[from + j];
  }
  if (columns.router.node < 0) return;
  for (int i = 0; i < primitives; ++i) {
    const size_t at = static_cast<size_t>(row * primitives + i);
    logit[at] += dlp * (share[i] - heads.w[at]);
  }
}

template struct HeadRows<float>;
template struct HeadRows<double>;
template struct Draws<float>;
template struct Draws<double>;
template struct HeadGradients<float>;
template struct HeadGradients<double>;
template float MixtureLogProb(const HeadRows<float>&, const Draws<float>&, long, int, float*);
template double MixtureLogProb(const HeadRows<double>&, const Draws<double>&, long, int, double*);

}  // namespace pmoe
