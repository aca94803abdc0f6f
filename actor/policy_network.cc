#include "actor/policy_network.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/base/check.h"
#include "common/policy/parameter_layout.h"

namespace pmoe {
namespace {

int RoundUp(int n) {
  constexpr int kVector = Eigen::internal::packet_traits<float>::size;
  return (n + kVector - 1) / kVector * kVector;
}

int WidestLayer(const PolicySpec& spec) {
  int widest = 0;
  for (const DenseLayer& layer : spec.layers) widest = std::max(widest, layer.outputs);
  return widest;
}

// log(log(1 + e^x)), for a std that is softplus(x).
float LogSoftplus(float x) { return std::log(x > 20.0f ? x : std::log1p(std::exp(x))); }

}  // namespace

PolicyNetwork::PolicyNetwork(const PolicySpec& spec, int batch)
    : spec_(spec),
      obs_(batch, spec.obs_dim),
      log_std_clamped_(batch, spec.primitives * spec.action_dim),
      composed_(spec.head == HeadType::kGating || spec.head == HeadType::kMcp),
      composed_mean_(batch, spec.action_dim),
      composed_log_std_(batch, spec.action_dim),
      pre_tanh_(Eigen::ArrayXf::Zero(RoundUp(batch * spec.action_dim))),
      chosen_std_(Eigen::ArrayXf::Zero(pre_tanh_.size())),
      softmax_(Eigen::ArrayXf::Zero(RoundUp(batch * spec.primitives))),
      activated_(Eigen::ArrayXf::Zero(RoundUp(batch * WidestLayer(spec)))),
      router_weights_(Matrix::Ones(batch, spec.primitives)),
      acting_weights_(Matrix::Ones(batch, spec.components())),
      options_(batch, kNoOption),
      columns_(Matrix::Zero(batch, static_cast<Eigen::Index>(spec.columns.size()))) {
  layers_.resize(spec.layers.size());
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    inputs_.push_back(IndexOf(spec.layers[i].input));
    outputs_.emplace_back(batch, spec.layers[i].outputs);
  }
  mean_ = IndexOf("mean");
  log_std_ = IndexOf("log_std");
  router_ = spec.has_router() ? IndexOf("router") : -1;
  beta_ = spec.head == HeadType::kOption ? IndexOf("beta") : -1;
}

int PolicyNetwork::IndexOf(const std::string& layer) const {
  for (size_t i = 0; i < spec_.layers.size(); ++i) {
    if (spec_.layers[i].name == layer) return static_cast<int>(i);
  }
  return -1;
}

absl::Status PolicyNetwork::Load(std::shared_ptr<const PolicySnapshot> snapshot) {
  if (snapshot->spec != spec_) {
    return absl::FailedPreconditionError(
        "the snapshot has another policy architecture than this actor; start both from one "
        "configuration");
  }
  snapshot_ = std::move(snapshot);
  const float* const weights = snapshot_->weights.data();
  const ParameterLayout layout(spec_.layers, 1, 1);
  for (size_t i = 0; i < layers_.size(); ++i) {
    layers_[i].Pack(weights + layout.parameters()[2 * i].offset,
                    weights + layout.parameters()[2 * i + 1].offset, spec_.layers[i]);
  }
  return absl::OkStatus();
}

void PolicyNetwork::ReadObservations(absl::Span<const float> obs) {
  std::copy(obs.begin(), obs.end(), obs_.data());
  if (!spec_.normalizes_obs) return;
  for (Eigen::Index row = 0; row < obs_.rows(); ++row) {
    for (int i = 0; i < spec_.obs_dim; ++i) {
      const float z = (obs_(row, i) - snapshot_->obs_mean[i]) / snapshot_->obs_std[i];
      obs_(row, i) = std::clamp(z, -kObsClip, kObsClip);
    }
  }
}

// Eigen's functions work on whole vectors: a rest of some elements would go to the C library's,
// whose last bits are others.
void PolicyNetwork::Activate(int layer) {
  const Activation activation = spec_.layers[layer].activation;
  if (activation == Activation::kIdentity || activation == Activation::kRelu) return;
  Matrix& y = outputs_[layer];
  auto x = activated_.head(RoundUp(static_cast<int>(y.size())));
  std::copy_n(y.data(), y.size(), activated_.data());
  if (activation == Activation::kTanh) x = x.tanh();
  if (activation == Activation::kSigmoid) x = 1.0f / (1.0f + (-x).exp());
  if (activation == Activation::kLogSoftplus) x = x.unaryExpr(&LogSoftplus);
  std::copy_n(activated_.data(), y.size(), y.data());
}

void PolicyNetwork::Forward(absl::Span<const float> obs) {
  PMOE_CHECK(snapshot_ != nullptr && obs.size() == static_cast<size_t>(obs_.size()));
  ReadObservations(obs);
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Matrix& input = inputs_[i] < 0 ? obs_ : outputs_[inputs_[i]];
    layers_[i].Forward(input.data(), static_cast<int>(input.rows()),
                       spec_.layers[i].activation == Activation::kRelu, outputs_[i].data());
    Activate(static_cast<int>(i));
  }
  log_std_clamped_ = outputs_[log_std_].cwiseMax(kLogStdMin).cwiseMin(kLogStdMax);
  if (spec_.head == HeadType::kMcp) {
    router_weights_ = outputs_[router_];
  } else if (router_ >= 0) {
    FillRouterWeights();
  }
  if (composed_) Compose();
}

// Softmax of each row, shifted by its maximum: finite for any finite logits. The sum goes from left
// to right, so that a row's bits do not depend on where it lies.
void PolicyNetwork::FillRouterWeights() {
  const Matrix& logits = outputs_[router_];
  const int primitives = spec_.primitives;
  for (Eigen::Index row = 0; row < logits.rows(); ++row) {
    const float* const z = logits.row(row).data();
    const float shift = *std::max_element(z, z + primitives);
    for (int k = 0; k < primitives; ++k) softmax_[row * primitives + k] = z[k] - shift;
  }
  softmax_ = softmax_.exp();
  for (Eigen::Index row = 0; row < logits.rows(); ++row) {
    const float* const e = softmax_.data() + row * primitives;
    const float sum = std::accumulate(e, e + primitives, 0.0f);
    for (int k = 0; k < primitives; ++k) router_weights_(row, k) = e[k] / sum;
  }
}

RowHeads PolicyNetwork::Heads(int row) const {
  return {outputs_[mean_].row(row).data(), log_std_clamped_.row(row).data(),
          router_weights_.row(row).data()};
}

void PolicyNetwork::Compose() {
  const auto compose = spec_.head == HeadType::kGating ? &GateGaussians : &MultiplyGaussians;
  for (int row = 0; row < static_cast<int>(obs_.rows()); ++row) {
    compose(spec_, Heads(row), composed_mean_.row(row).data(), composed_log_std_.row(row).data());
  }
}

// With options: the one before goes on with 1 - beta of it, else the router draws anew (DAC's high
// MDP: pi(o | s, o-) = (1 - beta) 1[o = o-] + beta w_o).
void PolicyNetwork::FillActingWeights() {
  if (composed_) return;
  acting_weights_ = router_weights_;
  if (beta_ < 0) return;
  for (Eigen::Index row = 0; row < obs_.rows(); ++row) {
    const int before = options_[row];
    if (before == kNoOption) continue;
    const float beta = outputs_[beta_](row, before);
    acting_weights_.row(row) *= beta;
    acting_weights_(row, before) += 1.0f - beta;
  }
}

int PolicyNetwork::ChoosePrimitive(int row, int choice, Rng* rng) const {
  const auto w = acting_weights_.row(row);
  const int components = spec_.components();
  if (components == 1) return 0;
  if (choice >= 0) return choice;
  if (choice == ActionChoice::kArgmax) {
    Eigen::Index best = 0;
    w.maxCoeff(&best);
    return static_cast<int>(best);
  }
  float rest = rng->UniformFloat();
  int k = 0;
  for (; k < components - 1 && rest >= w(k); ++k) rest -= w(k);
  return k;
}

// exp and tanh are Eigen's, whose errors are below 3e-7 relative.
void PolicyNetwork::Act(absl::Span<const float> obs, const ActionChoice& choice,
                        absl::Span<Rng> rngs, absl::Span<float> action, absl::Span<int> primitive) {
  PMOE_CHECK(choice.primitive < spec_.primitives);
  Forward(obs);
  FillActingWeights();
  const int dims = spec_.action_dim;
  for (int row = 0; row < static_cast<int>(obs_.rows()); ++row) {
    const int k = ChoosePrimitive(row, choice.primitive, &rngs[row]);
    primitive[row] = k;
    for (int j = 0; j < dims; ++j) {
      pre_tanh_[row * dims + j] = mean()(row, k * dims + j);
      chosen_std_[row * dims + j] = log_std()(row, k * dims + j);
    }
  }
  if (choice.sample) {
    chosen_std_ = chosen_std_.exp();
    for (size_t i = 0; i < action.size(); ++i) {
      pre_tanh_[i] += chosen_std_[i] * rngs[i / dims].Normal();
    }
  }
  for (int row = 0; row < static_cast<int>(obs_.rows()); ++row) {
    FillColumns(row, primitive[row], {pre_tanh_.data() + row * dims, static_cast<size_t>(dims)});
    options_[row] = primitive[row];
  }
  if (spec_.action_map == ActionMap::kSquash) pre_tanh_ = pre_tanh_.tanh();
  std::copy_n(pre_tanh_.data(), action.size(), action.begin());
}

// Densities are those of u: policies that need them do not squash.
void PolicyNetwork::FillColumns(int row, int k, absl::Span<const float> u) {
  const int dims = spec_.action_dim;
  for (size_t i = 0; i < spec_.columns.size(); ++i) {
    const std::string& column = spec_.columns[i];
    float& value = columns_(row, static_cast<Eigen::Index>(i));
    const auto of_component = [&] {
      return LogDensity(u, mean().row(row).data() + k * dims, log_std().row(row).data() + k * dims);
    };
    if (column == kColumnComponent) {
      value = static_cast<float>(k);
    } else if (column == kColumnOptionBefore) {
      value = static_cast<float>(std::max(options_[row], 0));
    } else if (column == kColumnEpisodeStart) {
      value = options_[row] == kNoOption ? 1.0f : 0.0f;
    } else if (column == kColumnLogProb && spec_.head == HeadType::kMixture) {
      value = static_cast<float>(MixtureLogDensity(u, spec_.primitives, Heads(row)));
    } else if (column == kColumnJointLogProb) {
      value = static_cast<float>(std::log(double{acting_weights_(row, k)}) + of_component());
    } else {
      value = static_cast<float>(of_component());
    }
  }
}

absl::Span<const float> PolicyNetwork::columns(int row) const {
  return {columns_.row(row).data(), static_cast<size_t>(columns_.cols())};
}

void ScaleAction(const PolicySpec& spec, absl::Span<const float> action, absl::Span<double> out) {
  for (size_t j = 0; j < action.size(); ++j) {
    const double low = spec.action_low[j], high = spec.action_high[j];
    double a = action[j];
    if (spec.action_map == ActionMap::kClip) {
      out[j] = std::clamp(a, low, high);
      continue;
    }
    if (spec.action_map == ActionMap::kRescaleClip) a = std::clamp(a, -1.0, 1.0);
    out[j] = low + (a + 1.0) / 2.0 * (high - low);
  }
}

}  // namespace pmoe
