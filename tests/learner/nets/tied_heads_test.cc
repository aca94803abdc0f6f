// Tied heads against what they stand for: Adam on S itself, W_k = S + c D_k.
#include "learner/nets/tied_heads.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "ATen/ops/zeros_like.h"
#include "learner/nets/init.h"
#include "learner/nets/optimizer.h"
#include "tests/learner/torch_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr int kObs = 5, kActions = 3, kPrimitives = 4, kMembers = 2;
constexpr int kSteps = 40;

PolicySpec Spec(int primitives = kPrimitives) {
  PolicyOptions options;
  options.obs_dim = kObs;
  options.action_low.assign(kActions, -1.0);
  options.action_high.assign(kActions, 1.0);
  options.head = HeadType::kMixture;
  options.primitives = primitives;
  options.hidden = {7};
  return MakePolicySpec(options);
}

FlatParameters Weights(const PolicySpec& spec, at::ScalarType type = at::kDouble) {
  FlatParameters weights(spec.layers, kMembers, 1, at::kCPU, type);
  InitUniformFanIn(3, 0, &weights);
  return weights;
}

// Layer `name`, its heads side by side: [M, rows, K, A].
at::Tensor Heads(const PolicySpec& spec, const FlatParameters& weights, const std::string& name) {
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    if (spec.layers[i].name != name) continue;
    const at::Tensor& w = weights.Frozen(static_cast<int>(i)).weight;
    return w.view({w.size(0), w.size(1), spec.primitives, spec.action_dim});
  }
  return {};
}

// The same for the gradient, whose place it shares.
at::Tensor Gradients(const PolicySpec& spec, FlatParameters* weights, const std::string& name) {
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    if (spec.layers[i].name != name) continue;
    const at::Tensor g = weights->Trained(static_cast<int>(i)).weight.grad();
    return g.view({g.size(0), g.size(1), spec.primitives, spec.action_dim});
  }
  return {};
}

class TiedHeadsTest : public ::testing::TestWithParam<double> {};

// S by Adam as a parameter of its own; D_k by the textbook. Gradients of many sizes, as PPO's
// clipped ones are.
TEST_P(TiedHeadsTest, MoveAsTheirPartsDo) {
  const double c = GetParam(), lr = 1e-2, schedule = 0.9, clip = 0.5;
  const PolicySpec spec = Spec();
  FlatParameters weights = Weights(spec);
  Optimizer adam({lr}, weights.values());
  adam.Tie(TiedHeads(spec, {.mean = c}, weights));
  const at::Tensor begin = Heads(spec, weights, "mean").clone();
  at::Tensor shared = at::zeros_like(begin.sum(2)), apart = at::zeros_like(begin);
  at::Tensor m = at::zeros_like(begin), v = at::zeros_like(shared);
  Optimizer of_shared({lr}, shared);
  Rng rng(1, RngRole::kLearner, 0);
  const double beta1 = double{kAdamBeta1}, beta2 = double{kAdamBeta2};
  for (int step = 1; step <= kSteps; ++step) {
    const at::Tensor g = NormalTensor(begin.sizes(), &rng).to(at::kDouble) * (step % 5 + 0.1) + 0.2;
    Gradients(spec, &weights, "mean").copy_(g);
    adam.Step(&weights.values(), &weights.gradient(), {schedule, clip});
    at::Tensor sum = g.sum(2);
    v = v * beta2 + (sum * clip).square() * (1.0 - beta2);
    m = m * beta1 + (g - g.mean(2, /*keepdim=*/true)) * clip * (1.0 - beta1);
    const at::Tensor root = (v / (1.0 - std::pow(beta2, step))).sqrt() + 1e-8;
    apart = apart - m / (1.0 - std::pow(beta1, step)) / root.unsqueeze(2) * (lr * schedule);
    of_shared.Step(&shared, &sum, {schedule, clip});
  }
  const at::Tensor expected = begin + shared.unsqueeze(2) + apart * c;
  EXPECT_LT(MaxAbs(Heads(spec, weights, "mean") - expected), 1e-12);
  EXPECT_GT(MaxAbs(Heads(spec, weights, "mean") - begin), 0.05);
  // Their mean moves as one head's would that got all gradients.
  EXPECT_LT(MaxAbs(Heads(spec, weights, "mean").mean(2) - begin.mean(2) - shared), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Scales, TiedHeadsTest, ::testing::Values(0.05, 0.3, 1.0, 3.0));

TEST_P(TiedHeadsTest, HaveTheNormOfTheirPartsGradients) {
  const double c = GetParam();
  const PolicySpec spec = Spec();
  FlatParameters weights = Weights(spec);
  const TiedHeads tied(spec, {.mean = c}, weights);
  Rng rng(1, RngRole::kLearner, 0);
  const at::Tensor shape = Gradients(spec, &weights, "mean");
  const at::Tensor g = NormalTensor(shape.sizes(), &rng).to(at::kDouble) + 0.3;
  shape.copy_(g);
  const auto squares = [](const at::Tensor& x) { return x.square().sum().item<double>(); };
  const double expected =
      squares(g.sum(2)) + squares((g - g.mean(2, /*keepdim=*/true)) * c) - squares(g);
  EXPECT_NEAR(tied.NormExcess(weights.gradient()).item<double>(), expected, 1e-9);
  EXPECT_NEAR(tied.NormExcess(weights.gradient().data_ptr<double>()), expected, 1e-9);
}

TEST(TiedHeadsTest, WithoutResidualsStayEqual) {
  const PolicySpec spec = Spec();
  FlatParameters weights = Weights(spec),
                 shared(SharedHeadLayers(spec), kMembers, 1, at::kCPU, at::kDouble);
  InitUniformFanIn(3, kSharedHeadStreams, &shared);
  const HeadTie tie = {.log_std = 0.0};
  const at::Tensor means = Heads(spec, weights, "mean").clone();
  InitTied(spec, tie, shared, &weights);
  EXPECT_TRUE(BitwiseEqual(Heads(spec, weights, "mean"), means));  // is not tied
  Optimizer adam({1e-2}, weights.values());
  adam.Tie(TiedHeads(spec, tie, weights));
  Rng rng(1, RngRole::kLearner, 0);
  for (int step = 0; step < kSteps; ++step) {
    weights.gradient().copy_(NormalTensor(weights.gradient().sizes(), &rng));
    adam.Step(&weights.values(), &weights.gradient());
  }
  const at::Tensor log_std = Heads(spec, weights, "log_std");
  for (int k = 1; k < kPrimitives; ++k) {
    EXPECT_TRUE(BitwiseEqual(log_std.select(2, k).contiguous(), log_std.select(2, 0).contiguous()));
  }
  EXPECT_GT(MaxAbs(log_std.select(2, 0) - shared.Frozen(1).weight), 0.01);
}

TEST(TiedHeadsTest, BeginAsFarApartAsTheyAreTold) {
  const PolicySpec spec = Spec();
  FlatParameters shared(SharedHeadLayers(spec), kMembers, 1, at::kCPU, at::kDouble);
  InitUniformFanIn(3, kSharedHeadStreams, &shared);
  FlatParameters apart = Weights(spec), near = Weights(spec);
  InitTied(spec, {.mean = 0.3}, shared, &apart);
  InitTied(spec, {.mean = 0.3, .init = 0.01}, shared, &near);
  const auto spread = [&](const FlatParameters& weights) {
    const at::Tensor heads = Heads(spec, weights, "mean");
    return MaxAbs(heads.select(2, 0) - heads.select(2, 1));
  };
  EXPECT_NEAR(spread(near), 0.01 * spread(apart), 1e-6);
  EXPECT_LT(MaxAbs(Heads(spec, apart, "mean").mean(2) - shared.Frozen(0).weight), 1e-12);
  EXPECT_LT(MaxAbs(Heads(spec, near, "mean").select(2, 0) - shared.Frozen(0).weight), 0.01);
}

TEST(TiedHeadsTest, OneOfThemIsNotTied) {
  const PolicySpec spec = Spec(1);
  FlatParameters plain = Weights(spec), weights = Weights(spec);
  Optimizer adam({1e-2}, plain.values()), other({1e-2}, weights.values());
  other.Tie(TiedHeads(spec, {.mean = 0.3, .log_std = 0.0}, weights));
  EXPECT_EQ(other.tied(), nullptr);
}

// A GPU's edition, and threads' shares, are the one of the kernels.
TEST(TiedHeadsTest, EveryEditionMakesTheSameSteps) {
  const PolicySpec spec = Spec();
  const HeadTie tie = {.mean = 0.3, .log_std = 0.1};
  FlatParameters whole = Weights(spec, at::kFloat), parts = Weights(spec, at::kFloat),
                 operators = Weights(spec, at::kFloat);
  Optimizer adam({1e-2}, whole.values()), shared({1e-2}, parts.values()),
      by_operators({1e-2}, operators.values());
  for (auto* const x : {&adam, &shared, &by_operators}) x->Tie(TiedHeads(spec, tie, whole));
  const AdamArrays<float> arrays = {
      parts.values().data_ptr<float>(), parts.gradient().data_ptr<float>(),
      shared.first().data_ptr<float>(), shared.second().data_ptr<float>()};
  Rng rng(1, RngRole::kLearner, 0);
  for (int step = 0; step < kSteps; ++step) {
    const at::Tensor g = NormalTensor(whole.gradient().sizes(), &rng);
    for (auto* const x : {&whole, &parts, &operators}) x->gradient().copy_(g);
    adam.Step(&whole.values(), &whole.gradient());
    const AdamFactors<float> f = AdamFactors<float>::From(shared.NextAdam());
    TiedHeads& tied = *shared.tied();
    for (long part = 0; part < 3; ++part) {
      tied.StepOthers(f, arrays, ShareOf(parts.values().numel(), part, 3, 16));
      tied.StepHeads(f, arrays, ShareOf(tied.rows(), part, 3));
    }
    by_operators.tied()->StepByOperators(by_operators.NextAdam(), &operators.values(),
                                         &operators.gradient(), &by_operators.first(),
                                         &by_operators.second());
  }
  EXPECT_TRUE(BitwiseEqual(parts.values(), whole.values()));
  EXPECT_LT(MaxAbs(operators.values() - whole.values()), 1e-5);
  EXPECT_EQ(MaxAbs(operators.gradient()), 0.0);
}

TEST(TiedHeadsTest, ContinueFromWhatWasSaved) {
  const PolicySpec spec = Spec();
  FlatParameters weights = Weights(spec);
  weights = Weights(spec, at::kFloat);
  Optimizer adam({1e-2}, weights.values()), second({1e-2}, weights.values());
  for (auto* const x : {&adam, &second}) x->Tie(TiedHeads(spec, {.mean = 0.3}, weights));
  Rng rng(1, RngRole::kLearner, 0);
  const auto step = [&](Optimizer* optimizer, at::Tensor* values, const at::Tensor& g) {
    at::Tensor gradient = g.clone();
    optimizer->Step(values, &gradient);
  };
  step(&adam, &weights.values(), NormalTensor(weights.values().sizes(), &rng));
  ByteWriter out;
  adam.SaveState(&out);
  const std::string state = out.Take();
  ByteReader in(state);
  ASSERT_OK(second.LoadState(&in));
  at::Tensor a = weights.values().clone(), b = weights.values().clone();
  const at::Tensor g = NormalTensor(a.sizes(), &rng);
  step(&adam, &a, g);
  step(&second, &b, g);
  EXPECT_TRUE(BitwiseEqual(a, b));
}

}  // namespace
}  // namespace pmoe
