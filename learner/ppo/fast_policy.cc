#include "learner/ppo/fast_policy.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/match.h"

namespace pmoe {
namespace {

NetPlan PlanOf(const PolicySpec& spec, const FastPolicyOptions& options) {
  return NetPlan(spec.layers, {{spec.obs_dim}, options.router_detached});
}

NodeColumns TrunkOf(const PolicySpec& spec, const NetPlan& plan) {
  NodeColumns at;
  for (const DenseLayer& layer : spec.layers) {
    if (absl::StartsWith(layer.name, "trunk")) at = plan.Find(layer.name);
  }
  return at;
}

NetOptions NetOptionsOf(const PolicySpec& spec, const FastPolicyOptions& options) {
  const int trunk = TrunkOf(spec, PlanOf(spec, options)).node;
  NetOptions made;
  if (options.trunk_seeded && trunk >= 0) made.seeded = {trunk};
  return made;
}

}  // namespace

template <typename T>
FastPolicy<T>::FastPolicy(const PolicySpec& spec, const FastPolicyOptions& options, long rows,
                          FlatParameters* parameters, Optimizer* optimizer)
    : all_{rows, spec.primitives, spec.action_dim},
      acting_{rows, spec.components(), spec.action_dim},
      chooses_(spec.head == HeadType::kMixture),
      composition_(CompositionOf(spec)),
      net_(PlanOf(spec, options), NetOptionsOf(spec, options), rows, parameters, optimizer),
      obs_dim_(spec.obs_dim) {
  const NetPlan& plan = net_.net().plan();
  mean_at_ = plan.Find("mean");
  log_std_at_ = plan.Find("log_std");
  trunk_at_ = TrunkOf(spec, plan);
  if (spec.has_router()) router_at_ = plan.Find("router");
  std_row_ = spec.FindLayer("log_std")->inputs == 0 ? 0 : all_.width();
  const size_t b = static_cast<size_t>(rows), k = b * static_cast<size_t>(spec.primitives),
               a = static_cast<size_t>(spec.action_dim);
  const size_t s = b * static_cast<size_t>(acting_.gaussians);
  const size_t stds = std_row_ == 0 ? k * a / b : k * a;
  for (auto* const to : {&log_std_, &std_, &inv_std_}) to->resize(stds);
  for (auto* const to : {&w_, &log_n_, &by_log_n_, &entropy_, &share_}) to->resize(s);
  for (auto* const to : {&action_, &z_}) to->resize(s * a);
  log_w_.resize(k);
  by_logits_.resize(k);
  scratch_.resize(k * a / b);
  std::fill(w_.begin(), w_.end(), T{1});
  if (!composition_) return;
  gate_.resize(k);
  for (auto* const to : {&one_mean_, &one_raw_, &one_log_std_, &one_std_, &one_inv_std_,
                         &by_one_mean_, &by_one_log_std_}) {
    to->resize(b * a);
  }
}

template <typename T>
T* FastPolicy<T>::TrunkIn(NetRows<T>* rows) const {
  return trunk_at_.node < 0 ? nullptr : rows->At(trunk_at_.node, 0);
}

template <typename T>
long FastPolicy<T>::trunk_width() const {
  return trunk_at_.node < 0 ? obs_dim_
                            : net_.net().plan().nodes()[static_cast<size_t>(trunk_at_.node)].width;
}

template <typename T>
Matrix<const T> FastPolicy<T>::mean() const {
  return const_cast<FastPolicy*>(this)->Columns(&const_cast<FastPolicy*>(this)->net_.activations(),
                                                mean_at_);
}

template <typename T>
Matrix<const T> FastPolicy<T>::RawLogStd() {
  Matrix<T> raw = Columns(&net_.activations(), log_std_at_);
  if (std_row_ == 0) raw.row = 0;
  return raw;
}

template <typename T>
void FastPolicy<T>::ReadLogStd() {
  const Matrix<const T> raw = RawLogStd();
  const long rows = std_row_ == 0 ? 1 : all_.rows;
  for (long b = 0; b < rows; ++b) {
    const long at = b * std_row_;
    ClampLogStd(all_.width(), raw.At(b), &log_std_[static_cast<size_t>(at)],
                &std_[static_cast<size_t>(at)], &inv_std_[static_cast<size_t>(at)]);
  }
}

template <typename T>
ComposedRows<T> FastPolicy<T>::Composed() {
  Matrix<const T> gate = {gate_.data(), all_.gaussians};
  if (*composition_ == Composition::kMultiplied) gate = Columns(&net_.activations(), router_at_);
  return {*composition_, all_, mean(), {log_std_.data(), std_row_}, gate};
}

template <typename T>
GaussianRows<T> FastPolicy<T>::Acting() {
  if (!composition_) {
    return {mean(), {log_std_.data(), std_row_}, {inv_std_.data(), std_row_}};
  }
  const long row = acting_.width();
  return {{one_mean_.data(), row}, {one_log_std_.data(), row}, {one_inv_std_.data(), row}};
}

template <typename T>
void FastPolicy<T>::Forward(const T* obs, long rows) {
  all_.rows = acting_.rows = rows;
  net_.Forward({{{obs, obs_dim_}, {}}}, rows);
  ReadLogStd();
  const auto logits = [&] { return Columns(&net_.activations(), router_at_); };
  if (chooses_) {
    LogSoftmax<T>(rows, all_.gaussians, logits(), log_w_.data(), w_.data());
  }
  if (!composition_) return;
  if (*composition_ != Composition::kMultiplied) {
    LogSoftmax<T>(rows, all_.gaussians, logits(), log_w_.data(), gate_.data());
    std::fill(log_w_.begin(), log_w_.end(), T{0});  // of the one Gaussian
  }
  Compose(Composed(), one_mean_.data(), one_raw_.data());
  ClampLogStd(acting_.rows * acting_.width(), one_raw_.data(), one_log_std_.data(), one_std_.data(),
              one_inv_std_.data());
}

template <typename T>
void FastPolicy<T>::Densities(const T* action) {
  const long a = acting_.actions, width = acting_.width();
  for (long b = 0; b < acting_.rows; ++b) {
    T* const to = action_.data() + b * width;
    std::copy_n(action + b * a, a, to);
    for (long done = a; done < width; done *= 2) {
      std::copy_n(to, std::min(done, width - done), to + done);
    }
  }
  LogDensities(acting_, Acting(), action_.data(), z_.data(), log_n_.data());
}

template <typename T>
const T* FastPolicy<T>::GaussianEntropies() {
  const T per_row = static_cast<T>((0.5 + 0.5 * std::log(2.0 * std::numbers::pi)) *
                                   static_cast<double>(acting_.actions));
  const Matrix<const T> log_std = Acting().log_std;
  for (long b = 0; b < acting_.rows; ++b) {
    const T* x = log_std.At(b);
    for (long k = 0; k < acting_.gaussians; ++k, x += acting_.actions) {
      T sum = 0;
      for (long j = 0; j < acting_.actions; ++j) sum += x[j];
      entropy_[static_cast<size_t>(b * acting_.gaussians + k)] = sum + per_row;
    }
  }
  return entropy_.data();
}

template <typename T>
void FastPolicy<T>::ClearGradients() {
  std::fill(by_log_n_.begin(), by_log_n_.end(), T{0});
  std::fill(by_logits_.begin(), by_logits_.end(), T{0});
}

template <typename T>
void FastPolicy<T>::Backward(const T* obs, double entropy_scale) {
  const Matrix<T> to_mean = Columns(&net_.gradients(), mean_at_);
  const Matrix<T> to_log_std = Columns(&net_.gradients(), log_std_at_);
  const long row = acting_.width();
  const Matrix<T> by_mean = composition_ ? Matrix<T>{by_one_mean_.data(), row} : to_mean;
  const Matrix<T> by_log_std = composition_ ? Matrix<T>{by_one_log_std_.data(), row} : to_log_std;
  DensityGradient(acting_, Acting(), z_.data(), by_log_n_.data(), by_mean, by_log_std);
  if (entropy_scale != 0.0) {
    const T scale = static_cast<T>(entropy_scale / static_cast<double>(acting_.rows));
    for (size_t i = 0; i < share_.size(); ++i) share_[i] = scale * w_[i];
    AddEntropyGradient(acting_, share_.data(), by_log_std);
  }
  if (composition_) {
    MaskLogStdGradient<T>(acting_, {one_raw_.data(), row}, by_log_std);
    ComposeGradient(Composed(), by_one_mean_.data(), by_one_log_std_.data(), to_mean, to_log_std,
                    by_logits_.data());
    if (*composition_ != Composition::kMultiplied) {
      SoftmaxGradient<T>(all_.rows, all_.gaussians, {gate_.data(), all_.gaussians},
                         by_logits_.data());
    }
  }
  MaskLogStdGradient<T>(all_, RawLogStd(), to_log_std);
  if (router_at_.node >= 0) {
    const Matrix<T> to_router = Columns(&net_.gradients(), router_at_);
    for (long b = 0; b < all_.rows; ++b) {
      std::copy_n(by_logits_.data() + b * all_.gaussians, all_.gaussians, to_router.At(b));
    }
  }
  net_.Backward({{{obs, obs_dim_}, {}}}, all_.rows);
}

template <typename T>
void FastPolicy<T>::AddStats(const int* best, double* sums) {
  const Matrix<const T> w =
      composition_ ? Composed().w : Matrix<const T>{w_.data(), all_.gaussians};
  AddMixtureStats<T>({all_, mean(), std(), w, best}, scratch_.data(), sums);
}

template class FastPolicy<float>;
template class FastPolicy<double>;

}  // namespace pmoe
