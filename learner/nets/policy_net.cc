#include "learner/nets/policy_net.h"

#include <array>
#include <map>
#include <utility>

#include "ATen/ops/clamp.h"
#include "ATen/ops/exp.h"
#include "ATen/ops/gather.h"
#include "ATen/ops/log_softmax.h"
#include "ATen/ops/ones.h"
#include "ATen/ops/softmax.h"
#include "ATen/ops/tanh.h"
#include "ATen/ops/zeros.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "learner/losses.h"
#include "learner/nets/composite.h"
#include "learner/nets/dense.h"

namespace pmoe {

at::Tensor MixtureHeads::RouterWeights() const {
  if (router_logits.defined()) return at::softmax(router_logits, -1);
  return at::ones({mean.size(0), mean.size(1), 1}, mean.options());
}

at::Tensor MixtureHeads::LogRouterWeights() const {
  if (router_logits.defined()) return at::log_softmax(router_logits, -1);
  return at::zeros({mean.size(0), mean.size(1), 1}, mean.options());
}

namespace {

// The last layer of the trunk.
std::string TrunkName(const PolicySpec& spec) {
  std::string name = "obs";
  for (const DenseLayer& layer : spec.layers) {
    if (absl::StartsWith(layer.name, "trunk")) name = layer.name;
  }
  return name;
}

// The K Gaussians give way to the one that `compose` makes of them.
void MakeOne(const at::Tensor& w, MixtureHeads* heads,
             absl::FunctionRef<Gaussian(const at::Tensor& w)> compose) {
  Gaussian one = compose(w);
  heads->gate = w;
  heads->gated_mean = std::exchange(heads->mean, std::move(one.mean));
  heads->gated_log_std = std::exchange(heads->log_std, std::move(one.log_std));
  heads->router_logits = at::Tensor();
}

}  // namespace

MixtureHeads PolicyNet::Forward(const FlatParameters& parameters, const at::Tensor& obs,
                                bool train) const {
  std::map<std::string, at::Tensor> outputs = {{"obs", obs}};
  for (int i = 0; i < parameters.layers(); ++i) {
    const DenseLayer& layer = spec_.layers[i];
    at::Tensor input = outputs.at(layer.input.empty() ? "obs" : layer.input);
    const bool enters_router =
        absl::StartsWith(layer.name, "router") && !absl::StartsWith(layer.input, "router");
    if (router_detached_ && enters_router) input = input.detach();
    outputs[layer.name] = Dense(input, train ? parameters.Trained(i) : parameters.Frozen(i), layer);
  }
  const std::array<int64_t, 4> shape = {obs.size(0), obs.size(1), spec_.primitives,
                                        spec_.action_dim};
  MixtureHeads heads;
  heads.trunk = outputs.at(TrunkName(spec_));
  heads.mean = outputs.at("mean").view(shape);
  heads.log_std = at::clamp(outputs.at("log_std").reshape(shape), kLogStdMin, kLogStdMax);
  if (!spec_.has_router()) return heads;
  const at::Tensor router = outputs.at("router");
  heads.router_logits = router;
  if (spec_.head == HeadType::kOption) heads.beta = outputs.at("beta");
  if (spec_.head == HeadType::kGating) {
    MakeOne(at::softmax(router, -1), &heads, [&](const at::Tensor& w) {
      return GatedGaussian(heads.mean, heads.log_std, w, spec_.gating_squared);
    });
  } else if (spec_.head == HeadType::kMcp) {
    MakeOne(router, &heads,
            [&](const at::Tensor& w) { return MultipliedGaussian(heads.mean, heads.log_std, w); });
  }
  return heads;
}

PrimitiveActions SamplePrimitives(const MixtureHeads& heads, const at::Tensor& eps) {
  PrimitiveActions out;
  out.pre_tanh = heads.mean + heads.log_std.exp() * eps;
  out.action = at::tanh(out.pre_tanh);
  out.log_prob = GaussianLogProb(eps, heads.log_std) - SquashLogDet(out.pre_tanh);
  return out;
}

at::Tensor SelectPrimitive(const at::Tensor& x, const at::Tensor& index) {
  if (x.dim() == 3) return x.gather(2, index.unsqueeze(2));
  return x.gather(2,
                  index.view({index.size(0), index.size(1), 1, 1}).expand({-1, -1, 1, x.size(3)}));
}

}  // namespace pmoe
