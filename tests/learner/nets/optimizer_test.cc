// Adam and the flat parameters.
#include "learner/nets/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ATen/ops/zeros.h"
#include "learner/nets/flat_parameters.h"
#include "learner/nets/init.h"
#include "tests/learner/torch_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr int kSize = 37;  // no multiple of a vector register

// Textbook Adam in float64.
struct TextbookAdam {
  double m = 0.0, v = 0.0;
  double Move(double g, double lr, int t) {
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    return -lr * (m / (1.0 - std::pow(0.9, t))) /
           (std::sqrt(v / (1.0 - std::pow(0.999, t))) + 1e-8);
  }
};

TEST(AdamTest, FollowsTheTextbookAtEveryScaleOfTheGradient) {
  for (const double scale : {1e-9, 1e-4, 1.0, 1e4}) {
    Rng rng(1, RngRole::kLearner, 0);
    at::Tensor values = at::zeros({kSize}, at::kFloat);
    Optimizer adam({1e-3}, values);
    std::vector<TextbookAdam> textbook(kSize);
    std::vector<double> expected(kSize, 0.0);
    for (int t = 1; t <= 200; ++t) {
      at::Tensor gradient = (NormalTensor({kSize}, &rng) + 0.3) * scale;
      for (int i = 0; i < kSize; ++i) {
        expected[i] += textbook[i].Move(gradient[i].item<double>(), 1e-3, t);
      }
      adam.Step(&values, &gradient);
    }
    for (int i = 0; i < kSize; ++i) {
      // 200 steps of at most 1e-3 each.
      EXPECT_NEAR(values[i].item<double>(), expected[i], 2e-6) << "gradient scale " << scale;
    }
  }
}

TEST(AdamTest, ClearsTheGradient) {
  at::Tensor values = at::zeros({kSize}, at::kFloat);
  at::Tensor gradient = values + 1.0;
  Optimizer({1e-3}, values).Step(&values, &gradient);
  EXPECT_EQ(MaxAbs(gradient), 0.0);
  EXPECT_NEAR(values[0].item<double>(), -1e-3, 1e-9);  // the first step is lr times the sign
}

// A GPU's edition is not the one that a CPU trains with.
TEST(AdamTest, ByOperatorsIsTheOneOfTheKernels) {
  Rng rng(4, RngRole::kLearner, 0);
  const auto normal = [&] { return NormalTensor({kSize}, &rng).to(at::kDouble); };
  at::Tensor values = normal(), m = normal(), v = normal().square(), gradient = normal();
  at::Tensor x = values.clone(), xm = m.clone(), xv = v.clone(), xg = gradient.clone();
  const AdamFactors<double> f = {1e-3, 1.7, 1e-8, 0.3, 0.0};
  AdamByOperators(f, &values, &gradient, &m, &v);
  AdamStep(
      f,
      {x.data_ptr<double>(), xg.data_ptr<double>(), xm.data_ptr<double>(), xv.data_ptr<double>()},
      {0, kSize});
  EXPECT_LT(MaxAbs(values - x), 1e-12);
  EXPECT_LT(MaxAbs(m - xm), 1e-12);
  EXPECT_LT(MaxAbs(v - xv), 1e-12);
  EXPECT_EQ(MaxAbs(gradient), 0.0);
}

TEST(AdamTest, LeavesAParameterWithoutGradientAlone) {
  Rng rng(2, RngRole::kLearner, 0);
  at::Tensor values = NormalTensor({kSize}, &rng);
  const at::Tensor before = values.clone();
  Optimizer adam({1e-3}, values);
  for (int i = 0; i < 5; ++i) {
    at::Tensor gradient = at::zeros({kSize}, at::kFloat);
    adam.Step(&values, &gradient);
  }
  EXPECT_TRUE(BitwiseEqual(values, before));
}

TEST(AdamTest, ContinuesBitForBitFromItsState) {
  Rng rng(3, RngRole::kLearner, 0);
  at::Tensor a = at::zeros({kSize}, at::kFloat), b = a.clone();
  Optimizer first({1e-3}, a), second({1e-3}, b);
  for (int i = 0; i < 10; ++i) {
    at::Tensor gradient = NormalTensor({kSize}, &rng);
    if (i == 5) {
      ByteWriter out;
      first.SaveState(&out);
      ByteReader in(out.bytes());
      ASSERT_OK(second.LoadState(&in));
      b.copy_(a);
    }
    at::Tensor copy = gradient.clone();
    first.Step(&a, &gradient);
    if (i >= 5) second.Step(&b, &copy);
  }
  EXPECT_TRUE(BitwiseEqual(a, b));
}

const std::vector<DenseLayer> kLayers = {{"a", "obs", 4, 5, Activation::kRelu},
                                         {"b", "a", 5, 3, Activation::kIdentity}};

TEST(FlatParametersTest, LayersAndGradientsAreViewsOfTheFlatVectors) {
  FlatParameters parameters(kLayers, /*members=*/2, /*copies=*/1, at::kCPU);
  parameters.values().fill_(2.0);
  EXPECT_EQ(parameters.Trained(1).weight.sizes(), (at::IntArrayRef{2, 5, 3}));
  EXPECT_EQ(parameters.Trained(1).bias.sizes(), (at::IntArrayRef{2, 1, 3}));
  EXPECT_EQ(parameters.Frozen(0).weight.sum().item<double>(), 2.0 * 2 * 4 * 5);
  (parameters.Trained(1).weight * 3.0).sum().backward();
  EXPECT_EQ(parameters.gradient().sum().item<double>(), 3.0 * 2 * 5 * 3);
  EXPECT_EQ(parameters.gradient()[parameters.layout().parameters()[2].offset].item<double>(), 3.0);
}

TEST(FlatParametersTest, StartsWithinTheFanInBoundsAndZeroPadding) {
  FlatParameters parameters(kLayers, 3, 2, at::kCPU);
  InitUniformFanIn(5, 0, &parameters);
  for (int i = 0; i < 2; ++i) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(kLayers[i].inputs));
    for (const at::Tensor& x : {parameters.Frozen(i).weight, parameters.Frozen(i).bias}) {
      EXPECT_LE(MaxAbs(x), bound);
      EXPECT_GT(MaxAbs(x), 0.5 * bound);
    }
  }
  double weights = 0.0;
  for (int i = 0; i < 2; ++i) {
    weights += parameters.Frozen(i).weight.abs().sum().item<double>();
    weights += parameters.Frozen(i).bias.abs().sum().item<double>();
  }
  EXPECT_NEAR(parameters.values().abs().sum().item<double>(), weights, 1e-3);
}

TEST(FlatParametersTest, AMemberStartsTheSameHoweverManyThereAre) {
  FlatParameters one(kLayers, 1, 2, at::kCPU), many(kLayers, 3, 2, at::kCPU);
  InitUniformFanIn(5, 7, &one);
  InitUniformFanIn(5, 7, &many);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(BitwiseEqual(one.Frozen(i).weight, many.Frozen(i).weight.narrow(0, 0, 2)));
    EXPECT_FALSE(many.Frozen(i).weight[0].equal(many.Frozen(i).weight[1]));
    EXPECT_FALSE(many.Frozen(i).weight[0].equal(many.Frozen(i).weight[2]));
  }
}

}  // namespace
}  // namespace pmoe
