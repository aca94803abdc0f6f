// Whole nets against autograd on the same parameters, in double: outputs, weight gradients,
// gradients of the input. G groups, B rows.
#include "learner/kernels/net.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ATen/ops/cat.h"
#include "ATen/ops/zeros.h"
#include "ATen/ops/zeros_like.h"
#include "learner/nets/critic_net.h"
#include "learner/nets/init.h"
#include "learner/nets/policy_net.h"
#include "tests/learner/gradient_testing.h"

namespace pmoe {
namespace {

constexpr int kObs = 7, kActions = 3, kRows = 37;
constexpr double kTolerance = 1e-12;

struct Kind {
  const char* name;
  bool router_detached;
  void (*change)(PolicyOptions* options);
};

const Kind kKinds[] = {
    {"gaussian", false, [](PolicyOptions* o) { o->head = HeadType::kGaussian; }},
    {"mixture", false, [](PolicyOptions* o) { o->primitives = 4; }},
    {"detached", true, [](PolicyOptions* o) { o->primitives = 4; }},
    {"no_trunk", false,
     [](PolicyOptions* o) {
       o->primitives = 2;
       o->hidden.clear();
     }},
    {"router_on_obs", true,
     [](PolicyOptions* o) {
       o->primitives = 2;
       o->router_reads_obs = true;
     }},
    {"own_layers", false,
     [](PolicyOptions* o) {
       o->primitives = 3;
       o->primitive_hidden = {10, 6};
       o->router_hidden = {9, 5};
     }},
    {"own_layers_detached", true,
     [](PolicyOptions* o) {
       o->primitives = 3;
       o->primitive_hidden = {40};
       o->router_hidden = {9};
     }},
    {"mcp", false,
     [](PolicyOptions* o) {
       o->head = HeadType::kMcp;
       o->primitives = 3;
     }},
    {"options", false,
     [](PolicyOptions* o) {
       o->head = HeadType::kOption;
       o->primitives = 3;
       o->primitive_hidden = {8};
       o->std_activation = Activation::kLogSoftplus;
       o->std_is_parameter = true;
       o->mean_activation = Activation::kTanh;
     }},
    {"std_is_a_parameter", false,
     [](PolicyOptions* o) {
       o->primitives = 2;
       o->std_is_parameter = true;
       o->activation = Activation::kTanh;
     }},
};

PolicySpec MakeSpec(const Kind& kind) {
  PolicyOptions options;
  options.obs_dim = kObs;
  options.action_low.assign(kActions, -1.0);
  options.action_high.assign(kActions, 1.0);
  options.head = HeadType::kMixture;
  options.hidden = {33, 20};
  kind.change(&options);
  return MakePolicySpec(options);
}

// Every node's columns of a layer as a tensor, [rows, outputs].
at::Tensor ColumnsOf(const NetPlan& plan, NetRows<double>* rows, const DenseLayer& layer) {
  const NodeColumns at = plan.Find(layer.name);
  at::Tensor out = at::zeros({kRows, layer.outputs}, at::kDouble);
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < layer.outputs; ++j) out[i][j] = rows->At(at.node, i)[at.column + j];
  }
  return out;
}

void SeedGradient(const NetPlan& plan, const at::Tensor& seed, const DenseLayer& layer,
                  NetRows<double>* rows) {
  const NodeColumns at = plan.Find(layer.name);
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < layer.outputs; ++j) {
      rows->At(at.node, i)[at.column + j] = seed[i][j].item<double>();
    }
  }
}

template <typename T>
void AllWeightGradients(const Net<T>& net, int group, const NetInput<T>& input, long rows,
                        const NetRows<T>& activations, const NetRows<T>& gradients, T* to) {
  std::vector<T> scratch(static_cast<size_t>(kPanelColumns * rows));
  for (long task = 0; task < net.tasks(); ++task) {
    net.WeightGradient(group, task, input, rows, activations, gradients, scratch.data(), to);
  }
}

class NetTest : public ::testing::TestWithParam<Kind> {};

// The outputs of a policy are read by its heads' names; MixtureHeads keeps them so.
TEST_P(NetTest, APolicyIsAutogradsInEveryWeight) {
  const PolicySpec spec = MakeSpec(GetParam());
  FlatParameters parameters(spec.layers, 1, 1, at::kCPU, at::kDouble);
  {
    const c10::AutoGradMode no_grad(false);
    parameters.values().copy_(RandomDoubles({parameters.values().numel()}, 1) * 0.1);
  }
  const at::Tensor obs = RandomDoubles({1, kRows, kObs}, 2);
  const NetPlan plan(spec.layers, {{kObs}, GetParam().router_detached});
  Net<double> net(plan, parameters.layout(), parameters.values().data_ptr<double>(), {});
  for (long part = 0; part < 3; ++part) net.Pack(part, 3);
  const NetInput<double> input = {{{obs.data_ptr<double>(), kObs}, {}}};
  NetRows<double> rows(plan, kRows), gradients(plan, kRows);
  net.Forward(0, {{{obs.data_ptr<double>(), kObs}, {}}}, 20, &rows, 0);
  net.Forward(0, {{{obs.data_ptr<double>() + 20 * kObs, kObs}, {}}}, kRows - 20, &rows, 20);

  const PolicyNet oracle(spec, GetParam().router_detached);
  const MixtureHeads heads = oracle.Forward(parameters, obs, /*train=*/true);
  const bool one = heads.gate.defined();
  std::vector<std::pair<std::string, at::Tensor>> outputs = {
      {"mean", one ? heads.gated_mean : heads.mean},
      {"log_std", one ? heads.gated_log_std : heads.log_std}};
  if (heads.router_logits.defined()) outputs.push_back({"router", heads.router_logits});
  if (one) outputs.push_back({"router", heads.gate});
  if (heads.beta.defined()) outputs.push_back({"beta", heads.beta});
  at::Tensor loss = at::zeros({}, at::kDouble);
  uint32_t stream = 3;
  for (const auto& [name, value] : outputs) {
    const DenseLayer& layer = *spec.FindLayer(name);
    const at::Tensor flat = value.reshape({kRows, layer.outputs});
    EXPECT_LT(MaxAbs(flat - ColumnsOf(plan, &rows, layer)), kTolerance) << name;
    const at::Tensor seed = RandomDoubles({kRows, layer.outputs}, stream++);
    SeedGradient(plan, seed, layer, &gradients);
    loss = loss + (flat * seed).sum();
  }
  loss.backward();
  net.Backward(0, 20, rows, {0, nullptr}, &gradients, 0);
  net.Backward(0, kRows - 20, rows, {20, nullptr}, &gradients, 20);
  at::Tensor gradient = at::zeros_like(parameters.values());
  AllWeightGradients(net, 0, input, kRows, rows, gradients, gradient.data_ptr<double>());
  EXPECT_GT(MaxAbs(parameters.gradient()), 1.0);
  EXPECT_LT(MaxAbs(gradient - parameters.gradient()), kTolerance * 100);
}

INSTANTIATE_TEST_SUITE_P(Kinds, NetTest, ::testing::ValuesIn(kKinds),
                         [](const auto& info) { return std::string(info.param.name); });

// Two members of two critics each, on [obs | action] in parts, with and without layer norms.
class NetCriticTest : public ::testing::TestWithParam<bool> {};

TEST_P(NetCriticTest, IsAutogradsInEveryWeightAndInTheAction) {
  constexpr int kMembers = 2, kCritics = 2;
  const bool layer_norm = GetParam();
  const std::vector<DenseLayer> layers =
      CriticLayers(kObs, kActions, std::vector<int>{40, 24}, /*outputs=*/1, layer_norm);
  FlatParameters parameters(layers, kMembers, kCritics, at::kCPU, at::kDouble);
  {
    const c10::AutoGradMode no_grad(false);
    parameters.values().copy_(RandomDoubles({parameters.values().numel()}, 1) * 0.1);
  }
  const at::Tensor obs = RandomDoubles({kMembers, kRows, kObs}, 2);
  at::Tensor action = RandomDoubles({kMembers, kRows, 1, kActions}, 3);
  const at::Tensor seed = RandomDoubles({kMembers, kCritics, kRows}, 4);
  action.requires_grad_(true);
  const at::Tensor q =
      CriticNet(layers, layer_norm).Forward(parameters, obs, action, /*train=*/true).squeeze(3);
  (q * seed).sum().backward();

  const NetPlan plan(layers, {{kObs, kActions}, false, layer_norm});
  NetOptions options;
  options.differentiated = 1;
  Net<double> net(plan, parameters.layout(), parameters.values().data_ptr<double>(), options);
  net.Pack(0, 1);
  at::Tensor gradient = at::zeros_like(parameters.values());
  const int out = plan.Find("q_out").node;
  // Rows go back in another order than they came.
  std::vector<int> reversed;
  for (int i = 0; i < kRows; ++i) reversed.push_back(kRows - 1 - i);
  for (int m = 0; m < kMembers; ++m) {
    at::Tensor to_action = at::zeros({kRows, kActions}, at::kDouble);
    const NetInput<double> input = {
        {{obs[m].data_ptr<double>(), kObs}, {action.detach()[m].data_ptr<double>(), kActions}}};
    for (int c = 0; c < kCritics; ++c) {
      const int group = m * kCritics + c;
      NetRows<double> rows(plan, kRows), gradients(plan, kRows), mixed(plan, kRows);
      net.Forward(group, input, kRows, &rows, 0);
      at::Tensor part = at::zeros({kRows, kActions}, at::kDouble);
      for (int i = 0; i < kRows; ++i) {
        EXPECT_NEAR(rows.At(out, i)[0], q[m][c][i].item<double>(), kTolerance);
        gradients.At(out, i)[0] = seed[m][c][i].item<double>();
        mixed.At(out, i)[0] = seed[m][c][kRows - 1 - i].item<double>();
      }
      net.Backward(group, kRows, rows, {0, nullptr}, &gradients, 0);
      AllWeightGradients(net, group, input, kRows, rows, gradients, gradient.data_ptr<double>());
      net.Backward(group, kRows, rows, {0, reversed.data()}, &mixed, 0, {part.data_ptr<double>()});
      to_action += part.flip(0);
    }
    EXPECT_LT(MaxAbs(to_action - action.grad()[m].squeeze(1)), kTolerance);
  }
  EXPECT_LT(MaxAbs(gradient - parameters.gradient()), kTolerance * 100);
}

INSTANTIATE_TEST_SUITE_P(LayerNorm, NetCriticTest, ::testing::Bool());

}  // namespace
}  // namespace pmoe
