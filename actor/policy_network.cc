#include "actor/policy_network.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/base/check.h"
#include "common/policy/parameter_layout.h"

namespace pmoe {
namespace {

constexpr float kLogStdMin = -20.0f;
constexpr float kLogStdMax = 2.0f;

int RoundUp(int n) {
  constexpr int kVector = Eigen::internal::packet_traits<float>::size;
  return (n + kVector - 1) / kVector * kVector;
}

}  // namespace

PolicyNetwork::PolicyNetwork(const PolicySpec& spec, int batch)
    : spec_(spec),
      obs_(batch, spec.obs_dim),
      log_std_clamped_(batch, spec.primitives * spec.action_dim),
      pre_tanh_(Eigen::ArrayXf::Zero(RoundUp(batch * spec.action_dim))),
      chosen_std_(Eigen::ArrayXf::Zero(pre_tanh_.size())),
      softmax_(Eigen::ArrayXf::Zero(RoundUp(batch * spec.primitives))),
      router_weights_(Matrix::Ones(batch, spec.primitives)) {
  layers_.resize(spec.layers.size());
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    inputs_.push_back(IndexOf(spec.layers[i].input));
    outputs_.emplace_back(batch, spec.layers[i].outputs);
  }
  mean_ = IndexOf("mean");
  log_std_ = IndexOf("log_std");
  router_ = spec.head == HeadType::kMixture ? IndexOf("router") : -1;
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
                    weights + layout.parameters()[2 * i + 1].offset, spec_.layers[i].inputs,
                    spec_.layers[i].outputs);
  }
  return absl::OkStatus();
}

void PolicyNetwork::Forward(absl::Span<const float> obs) {
  PMOE_CHECK(snapshot_ != nullptr && obs.size() == static_cast<size_t>(obs_.size()));
  std::copy(obs.begin(), obs.end(), obs_.data());
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Activation activation = spec_.layers[i].activation;
    const Matrix& input = inputs_[i] < 0 ? obs_ : outputs_[inputs_[i]];
    layers_[i].Forward(input.data(), static_cast<int>(input.rows()),
                       activation == Activation::kRelu, outputs_[i].data());
    if (activation == Activation::kTanh) outputs_[i] = outputs_[i].array().tanh();
  }
  log_std_clamped_ = outputs_[log_std_].cwiseMax(kLogStdMin).cwiseMin(kLogStdMax);
  if (router_ >= 0) FillRouterWeights();
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

int PolicyNetwork::ChoosePrimitive(int row, int choice, Rng* rng) const {
  const auto w = router_weights_.row(row);
  if (spec_.primitives == 1) return 0;
  if (choice >= 0) return choice;
  if (choice == ActionChoice::kArgmax) {
    Eigen::Index best = 0;
    w.maxCoeff(&best);
    return static_cast<int>(best);
  }
  float rest = rng->UniformFloat();
  int k = 0;
  for (; k < spec_.primitives - 1 && rest >= w(k); ++k) rest -= w(k);
  return k;
}

// exp and tanh are Eigen's, whose errors are below 3e-7 relative. They work on whole vectors: a
// rest of some elements would go to the C library's functions, whose last bits are others.
void PolicyNetwork::Act(absl::Span<const float> obs, const ActionChoice& choice,
                        absl::Span<Rng> rngs, absl::Span<float> action, absl::Span<int> primitive) {
  PMOE_CHECK(choice.primitive < spec_.primitives);
  Forward(obs);
  const int dims = spec_.action_dim;
  for (int row = 0; row < static_cast<int>(obs_.rows()); ++row) {
    const int k = ChoosePrimitive(row, choice.primitive, &rngs[row]);
    primitive[row] = k;
    for (int j = 0; j < dims; ++j) {
      pre_tanh_[row * dims + j] = mean()(row, k * dims + j);
      chosen_std_[row * dims + j] = log_std_clamped_(row, k * dims + j);
    }
  }
  if (choice.sample) {
    chosen_std_ = chosen_std_.exp();
    for (size_t i = 0; i < action.size(); ++i) {
      pre_tanh_[i] += chosen_std_[i] * rngs[i / dims].Normal();
    }
  }
  pre_tanh_ = pre_tanh_.tanh();
  std::copy_n(pre_tanh_.data(), action.size(), action.begin());
}

void ScaleAction(const PolicySpec& spec, absl::Span<const float> action, absl::Span<double> out) {
  for (size_t j = 0; j < action.size(); ++j) {
    const double low = spec.action_low[j], high = spec.action_high[j];
    out[j] = low + (static_cast<double>(action[j]) + 1.0) / 2.0 * (high - low);
  }
}

}  // namespace pmoe
