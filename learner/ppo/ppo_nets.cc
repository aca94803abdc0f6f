#include "learner/ppo/ppo_nets.h"

#include <algorithm>
#include <cmath>

#include "ATen/TensorOperators.h"
#include "ATen/ops/full.h"
#include "absl/strings/match.h"
#include "c10/core/GradMode.h"
#include "learner/nets/init.h"
#include "learner/nets/mlp.h"
#include "learner/nets/tied_heads.h"

namespace pmoe {
namespace {

constexpr double kNormMin = 1e-6;  // added to the norm that is divided by

bool IsHead(const DenseLayer& layer) {
  return layer.name == "mean" || layer.name == "log_std" || layer.name == "router" ||
         layer.name == "beta";
}

}  // namespace

int TrunkWidth(const PolicySpec& policy) {
  int width = policy.obs_dim;
  for (const DenseLayer& layer : policy.layers) {
    if (absl::StartsWith(layer.name, "trunk")) width = layer.outputs;
  }
  return width;
}

std::vector<DenseLayer> ValueLayers(const PpoOptions& options, const PolicySpec& policy,
                                    int outputs) {
  if (options.value_net == ValueNet::kTrunk) {
    return MlpWithHead("v", TrunkWidth(policy), {}, outputs, options.value_activation);
  }
  return MlpWithHead("v", policy.obs_dim, options.value_hidden, outputs, options.value_activation);
}

void InitPolicy(const PpoOptions& options, const PolicySpec& policy, FlatParameters* parameters) {
  const auto init = [&](uint32_t first_stream, absl::Span<const DenseLayer> layers,
                        FlatParameters* to) {
    if (options.init == WeightInit::kFanIn) return InitUniformFanIn(options.seed, first_stream, to);
    const auto gain = [&](const DenseLayer& layer) {
      return IsHead(layer) ? options.head_gain : options.hidden_gain;
    };
    InitOrthogonal(options.seed, first_stream, layers, gain, to);
  };
  init(0, policy.layers, parameters);
  if (options.tie.any()) {
    const std::vector<DenseLayer> layers = SharedHeadLayers(policy);
    FlatParameters shared(layers, 1, 1, parameters->values().device(),
                          parameters->values().scalar_type());
    init(kSharedHeadStreams, layers, &shared);
    InitTied(policy, options.tie, shared, parameters);
  }
  const c10::AutoGradMode no_grad(false);
  for (size_t i = 0; i < policy.layers.size(); ++i) {
    if (policy.layers[i].name != "log_std" || policy.layers[i].inputs > 0) continue;
    parameters->Frozen(static_cast<int>(i)).bias.fill_(options.log_std_init);
  }
}

void InitValue(const PpoOptions& options, uint32_t first_stream,
               absl::Span<const DenseLayer> layers, FlatParameters* parameters) {
  if (options.init == WeightInit::kFanIn) {
    InitUniformFanIn(options.seed, first_stream, parameters);
    return;
  }
  const std::string head = layers.back().name;
  const auto gain = [&](const DenseLayer& layer) {
    return layer.name == head ? options.value_gain : options.hidden_gain;
  };
  InitOrthogonal(options.seed, first_stream, layers, gain, parameters);
}

double LearningRateFactor(const PpoOptions& options, double progress) {
  return options.linear_schedule ? std::max(0.0, 1.0 - progress) : 1.0;
}

double RouterEntropyFloor(const PpoOptions& options, int primitives) {
  return options.router_entropy_min * std::log(static_cast<double>(primitives));
}

double GradientScale(const PpoOptions& options, double norm) {
  if (options.grad_norm_max <= 0.0) return 1.0;
  return std::min(1.0, options.grad_norm_max / (norm + kNormMin));
}

at::Tensor ShortenInPlace(const PpoOptions& options, const at::Tensor& squares,
                          absl::Span<at::Tensor* const> gradients) {
  const c10::AutoGradMode no_grad(false);
  const at::Tensor norm = squares.sqrt().reshape({1});
  if (options.grad_norm_max <= 0.0) return norm;
  const at::Tensor factor = ((norm + kNormMin).reciprocal() * options.grad_norm_max).clamp_max(1.0);
  for (at::Tensor* const gradient : gradients) gradient->mul_(factor);
  return norm;
}

ClippedGradient ClipGradient(const PpoOptions& options, absl::Span<at::Tensor* const> gradients,
                             const at::Tensor& more) {
  at::Tensor squares = gradients[0]->square().sum();
  for (at::Tensor* const other : gradients.subspan(1)) squares = squares + other->square().sum();
  if (more.defined()) squares = (squares + more).clamp_min(0.0);  // rounding
  if (!squares.is_cpu()) return {ShortenInPlace(options, squares, gradients)};
  const double norm = std::sqrt(squares.item<double>());
  return {at::full({1}, norm, squares.options()), GradientScale(options, norm)};
}

std::string LogProbColumn(RatioOf ratio) {
  if (ratio == RatioOf::kDensity) return kColumnLogProb;
  return ratio == RatioOf::kJoint ? kColumnJointLogProb : kColumnComponentLogProb;
}

}  // namespace pmoe
