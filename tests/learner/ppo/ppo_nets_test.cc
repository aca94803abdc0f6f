// Start weights, layers of the value and schedules of PPO and DAC.
#include "learner/ppo/ppo_nets.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ATen/ops/eye.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

using at::Tensor;

constexpr int kObs = 7, kActions = 3, kPrimitives = 4;

PolicySpec MakeSpec(const std::vector<int>& primitive_hidden = {}) {
  PolicyOptions options = BoxOptions(kObs, kActions);
  options.head = HeadType::kMixture;
  options.primitives = kPrimitives;
  options.hidden = {24, 16};
  options.primitive_hidden = primitive_hidden;
  options.std_is_parameter = true;
  return MakePolicySpec(options);
}

// Largest distance of w' w, or w w' where there are fewer rows, from gain^2 times the identity.
double FromOrthogonal(const Tensor& weight, double gain) {
  const Tensor w = weight.to(at::kDouble);
  const Tensor square = w.size(0) >= w.size(1) ? w.t().matmul(w) : w.matmul(w.t());
  return MaxAbs(square - gain * gain * at::eye(square.size(0), at::kDouble));
}

class OrthogonalTest : public ::testing::Test {
 protected:
  static FlatParameters Start(const PolicySpec& spec) {
    FlatParameters parameters(spec.layers, 1, 1, at::kCPU);
    PpoOptions options = TestPpoOptions();
    options.head_gain = 0.01;
    options.log_std_init = -0.5;
    InitPolicy(options, spec, &parameters);
    return parameters;
  }
  // The layer's weight matrix, [rows, outputs].
  static Tensor Weight(const PolicySpec& spec, const FlatParameters& parameters,
                       const std::string& name) {
    const auto index = spec.FindLayer(name) - spec.layers.data();
    return parameters.Frozen(static_cast<int>(index)).weight[0];
  }
};

TEST_F(OrthogonalTest, HiddenLayersAreOrthonormalTimesTheRootOfTwo) {
  const PolicySpec spec = MakeSpec();
  const FlatParameters start = Start(spec);
  EXPECT_LT(FromOrthogonal(Weight(spec, start, "trunk0"), std::sqrt(2.0)), 1e-6);  // wide
  EXPECT_LT(FromOrthogonal(Weight(spec, start, "trunk1"), std::sqrt(2.0)), 1e-6);  // tall
}

TEST_F(OrthogonalTest, HeadsHaveTheirGainAndBiasesAreZero) {
  const PolicySpec spec = MakeSpec();
  const FlatParameters start = Start(spec);
  EXPECT_LT(FromOrthogonal(Weight(spec, start, "router"), 0.01), 1e-9);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const double expected = spec.layers[i].name == "log_std" ? -0.5 : 0.0;
    const Tensor bias = start.Frozen(static_cast<int>(i)).bias;
    EXPECT_EQ(MaxAbs(bias - expected), 0.0) << spec.layers[i].name;
  }
}

// Each primitive's own part is orthogonal in itself, as if it were a network of its own.
TEST_F(OrthogonalTest, ThePartsOfALayerThatBelongToDifferentPrimitivesAreDrawnApart) {
  const PolicySpec spec = MakeSpec({10, 8});
  const FlatParameters start = Start(spec);
  const struct {
    const char* name;
    int width;
    double gain;
  } layers[] = {{"primitive0", 10, std::sqrt(2.0)},
                {"primitive1", 8, std::sqrt(2.0)},
                {"mean", kActions, 0.01}};
  for (const auto& layer : layers) {
    const Tensor weight = Weight(spec, start, layer.name);
    ASSERT_EQ(weight.size(1), layer.width * kPrimitives) << layer.name;
    for (int k = 0; k < kPrimitives; ++k) {
      const Tensor part = weight.narrow(1, k * layer.width, layer.width);
      EXPECT_LT(FromOrthogonal(part, layer.gain), 1e-6 * layer.gain * layer.gain + 1e-9)
          << layer.name << ", primitive " << k;
      EXPECT_EQ(part.equal(weight.narrow(1, 0, layer.width)), k == 0);
    }
  }
}

TEST_F(OrthogonalTest, TheValuesLastLayerHasItsOwnGain) {
  PpoOptions options = TestPpoOptions();
  options.value_hidden = {12};
  options.value_gain = 0.5;
  const std::vector<DenseLayer> layers = ValueLayers(options, MakeSpec(), 2);
  FlatParameters parameters(layers, 1, 1, at::kCPU);
  InitValue(options, 1000, layers, &parameters);
  EXPECT_LT(FromOrthogonal(parameters.Frozen(0).weight[0], std::sqrt(2.0)), 1e-6);
  EXPECT_LT(FromOrthogonal(parameters.Frozen(1).weight[0], 0.5), 1e-6);
}

TEST(ValueLayersTest, AreANetworkOfTheirOwnOrOneLayerOnTheTrunk) {
  PpoOptions options = TestPpoOptions();
  options.value_hidden = {12, 6};
  std::vector<DenseLayer> layers = ValueLayers(options, MakeSpec(), 1);
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers.front().inputs, kObs);
  EXPECT_EQ(layers.back().activation, Activation::kIdentity);
  options.value_net = ValueNet::kTrunk;
  layers = ValueLayers(options, MakeSpec(), 1);
  ASSERT_EQ(layers.size(), 1u);
  EXPECT_EQ(layers[0].inputs, 16);
}

TEST(LearningRateFactorTest, FallsLinearlyOrStays) {
  PpoOptions options = TestPpoOptions();
  EXPECT_EQ(LearningRateFactor(options, 0.7), 1.0);
  options.linear_schedule = true;
  EXPECT_EQ(LearningRateFactor(options, 0.0), 1.0);
  EXPECT_EQ(LearningRateFactor(options, 0.25), 0.75);
  EXPECT_EQ(LearningRateFactor(options, 1.0), 0.0);
  EXPECT_EQ(LearningRateFactor(options, 1.5), 0.0);
}

TEST(GradientScaleTest, BringsALongGradientDownAndLeavesAShortOne) {
  PpoOptions options = TestPpoOptions();
  options.grad_norm_max = 0.5;
  EXPECT_EQ(GradientScale(options, 0.4), 1.0);
  EXPECT_NEAR(GradientScale(options, 5.0), 0.1, 1e-6);
  options.grad_norm_max = 0.0;
  EXPECT_EQ(GradientScale(options, 1e9), 1.0);
}

}  // namespace
}  // namespace pmoe
