// Gating and MCP against draws, quadrature and finite differences. M members, B batch, K
// primitives, A action_dim.
#include "learner/nets/composite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "ATen/ops/arange.h"
#include "ATen/ops/full.h"
#include "ATen/ops/tensor.h"
#include "ATen/ops/zeros.h"
#include "learner/losses.h"
#include "learner/nets/policy_net.h"
#include "learner/ppo/ppo_loss.h"
#include "tests/learner/gradient_testing.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

using at::Tensor;

// K Gaussians of one dimension and their weights, one row.
struct Primitives {
  Tensor mean;     // [1, 1, K, 1]
  Tensor log_std;  // [1, 1, K, 1]
  Tensor w;        // [1, 1, K]
};

Primitives Three(const Tensor& w) {
  return {at::tensor({-0.9, 0.2, 0.7}, at::kDouble).view({1, 1, 3, 1}),
          at::tensor({1.14, 0.35, 0.5}, at::kDouble).log().mul(0.5).view({1, 1, 3, 1}),
          w.view({1, 1, 3})};
}

Tensor Weights(double a, double b, double c) { return at::tensor({a, b, c}, at::kDouble); }

double Variance(const Gaussian& one) { return std::exp(2.0 * one.log_std.item<double>()); }

// Mean and variance of sum_k w_k a_k, a_k ~ N_k independent of each other.
std::pair<double, double> MomentsOfTheSum(const Primitives& p, int64_t draws) {
  Rng rng(1, RngRole::kLearner, 0);
  const Tensor eps = NormalTensor({1, draws, 3, 1}, &rng).to(at::kDouble);
  const Tensor sum = (p.w.unsqueeze(3) * (p.mean + p.log_std.exp() * eps)).sum(2);
  return {sum.mean().item<double>(), sum.var(/*unbiased=*/false).item<double>()};
}

// The paper takes sum w s^2 (Eq. 20) for the variance of a weighted sum of independent draws, which
// is sum w^2 s^2: .553 and .178 here.
TEST(GatedGaussianTest, SquaredWeightsGiveTheVarianceOfTheSumOfIndependentDraws) {
  const Primitives p = Three(Weights(0.2, 0.5, 0.3));
  constexpr int64_t kDraws = 1'000'000;
  const auto [mean, variance] = MomentsOfTheSum(p, kDraws);
  const Gaussian one = GatedGaussian(p.mean, p.log_std, p.w, /*squared=*/true);
  EXPECT_NEAR(Variance(one), 0.1781, 1e-12);
  // Four standard deviations of each estimate.
  EXPECT_NEAR(variance, Variance(one), 4.0 * 0.1781 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(mean, one.mean.item<double>(), 4.0 * std::sqrt(0.1781 / kDraws));
}

TEST(GatedGaussianTest, PlainWeightsGiveTheVarianceOfEquation20) {
  const Primitives p = Three(Weights(0.2, 0.5, 0.3));
  const Gaussian one = GatedGaussian(p.mean, p.log_std, p.w, /*squared=*/false);
  EXPECT_NEAR(Variance(one), 0.2 * 1.14 + 0.5 * 0.35 + 0.3 * 0.5, 1e-12);
  EXPECT_NEAR(one.mean.item<double>(), 0.2 * -0.9 + 0.5 * 0.2 + 0.3 * 0.7, 1e-12);
}

// Whatever the variance, actions are drawn from the Gaussian whose density is used.
TEST(GatedGaussianTest, DrawsHaveTheMomentsOfTheDensity) {
  const Primitives p = Three(Weights(0.2, 0.5, 0.3));
  constexpr int64_t kDraws = 400'000;
  Rng rng(2, RngRole::kLearner, 0);
  const Tensor eps = NormalTensor({1, kDraws, 1, 1}, &rng).to(at::kDouble);
  for (const bool squared : {false, true}) {
    const Gaussian one = GatedGaussian(p.mean, p.log_std, p.w, squared);
    const Tensor u = SamplePrimitives({one.mean, one.log_std}, eps).pre_tanh;
    const double variance = u.var(/*unbiased=*/false).item<double>();
    EXPECT_NEAR(variance / Variance(one), 1.0, 4.0 * std::sqrt(2.0 / kDraws));
  }
}

TEST(CompositeTest, AOneHotWeightGivesThatPrimitive) {
  for (int64_t k = 0; k < 3; ++k) {
    Tensor w = at::zeros({3}, at::kDouble);
    w[k] = 1.0;
    const Primitives p = Three(w);
    const Gaussian all[] = {GatedGaussian(p.mean, p.log_std, p.w, false),
                            GatedGaussian(p.mean, p.log_std, p.w, true),
                            MultipliedGaussian(p.mean, p.log_std, p.w)};
    for (const Gaussian& one : all) {
      EXPECT_NEAR(one.mean.item<double>(), p.mean[0][0][k][0].item<double>(), 1e-14);
      EXPECT_NEAR(one.log_std.item<double>(), p.log_std[0][0][k][0].item<double>(), 1e-14);
    }
  }
}

// Log-densities of prod_k N_k^w_k over the grid, normalised by its own sum.
TEST(MultipliedGaussianTest, IsTheNormalisedProductOfPowers) {
  constexpr int64_t kPoints = 200'001;
  constexpr double kWidth = 40.0 / (kPoints - 1);
  const Tensor u = at::arange(kPoints, at::kDouble) * kWidth - 20.0;
  for (const Tensor& w : {Weights(0.9, 0.1, 0.6), Weights(0.05, 0.02, 0.1), Weights(1, 1, 1)}) {
    const Primitives p = Three(w);
    const Tensor components = ComponentLogProbs({p.mean, p.log_std}, u.view({1, kPoints, 1}));
    const Tensor product = (components * p.w).sum(2).squeeze(0);  // [points]
    const Tensor expected = product - (product.exp().sum() * kWidth).log();
    const Gaussian one = MultipliedGaussian(p.mean, p.log_std, p.w);
    const Tensor ours =
        ComponentLogProbs({one.mean, one.log_std}, u.view({1, kPoints, 1})).view({kPoints});
    EXPECT_LT(MaxAbs((ours - expected) * (expected > -40.0)), 1e-9);
  }
}

TEST(MultipliedGaussianTest, OfEqualPrimitivesWithWeightsThatSumToOneIsTheSameGaussian) {
  const Tensor mean = at::full({1, 1, 3, 1}, 0.3, at::kDouble);
  const Tensor log_std = at::full({1, 1, 3, 1}, -0.8, at::kDouble);
  const Tensor w = Weights(0.2, 0.5, 0.3).view({1, 1, 3});
  const Gaussian one = MultipliedGaussian(mean, log_std, w);
  EXPECT_NEAR(one.mean.item<double>(), 0.3, 1e-14);
  EXPECT_NEAR(one.log_std.item<double>(), -0.8, 1e-14);
}

// w = .5, K = 8, s = 1 (arXiv 1905.09808): a precision of 4.
TEST(MultipliedGaussianTest, EightHalfWeightsHalveTheDeviation) {
  const Tensor zeros = at::zeros({1, 1, 8, 1}, at::kDouble);
  const Gaussian one = MultipliedGaussian(zeros, zeros, at::full({1, 1, 8}, 0.5, at::kDouble));
  EXPECT_NEAR(std::exp(one.log_std.item<double>()), 0.5, 1e-14);
}

TEST(MultipliedGaussianTest, StaysFiniteAndClampedWhereEveryWeightVanishes) {
  for (const double weight : {1e-3, 1e-10, 1e-30, 1e-45, 0.0}) {
    Tensor w = at::full({1, 1, 3}, weight, at::kFloat).requires_grad_(true);
    const Primitives p = Three(Weights(0.0, 0.0, 0.0));
    const Gaussian one = MultipliedGaussian(p.mean.to(at::kFloat), p.log_std.to(at::kFloat), w);
    (one.mean + one.log_std).sum().backward();
    EXPECT_LE(one.log_std.item<double>(), kLogStdMax);
    EXPECT_TRUE(std::isfinite(one.mean.item<double>())) << weight;
    EXPECT_LE(MaxAbs(one.mean), 0.9) << weight;
    EXPECT_TRUE(w.grad().isfinite().all().item<bool>()) << weight;
  }
}

// Mean, log_std and weights in one vector.
class CompositeGradientTest : public ::testing::Test {
 protected:
  static constexpr int64_t kRows = 6, kPrimitives = 3, kActions = 2;  // rows: M = 2, B = 3
  static constexpr int64_t kHeads = kRows * kPrimitives * kActions;

  static Tensor Start() { return RandomDoubles({2 * kHeads + kRows * kPrimitives}, 1); }
  static Tensor Mean(const Tensor& x) { return x.narrow(0, 0, kHeads).view({2, 3, 3, 2}); }
  static Tensor LogStd(const Tensor& x) {
    return x.narrow(0, kHeads, kHeads).view({2, 3, 3, 2}) * 0.4;
  }
  static Tensor Logits(const Tensor& x) {
    return x.narrow(0, 2 * kHeads, kRows * kPrimitives).view({2, 3, 3});
  }
  // A function in which every output has a slope of its own.
  static Tensor Probe(const Gaussian& one) {
    return (one.mean.sin() * RandomDoubles({2, 3, 1, 2}, 2) +
            one.log_std * RandomDoubles({2, 3, 1, 2}, 3))
        .sum();
  }
};

TEST_F(CompositeGradientTest, GatingHasTheGradientOfItsMoments) {
  for (const bool squared : {false, true}) {
    const auto probe = [&](const Tensor& x) {
      return Probe(GatedGaussian(Mean(x), LogStd(x), Logits(x).softmax(2), squared));
    };
    EXPECT_LT(GradientError(Start(), probe), 1e-8);
  }
}

TEST_F(CompositeGradientTest, McpHasTheGradientOfItsMoments) {
  const auto probe = [&](const Tensor& x) {
    return Probe(MultipliedGaussian(Mean(x), LogStd(x), Logits(x).sigmoid()));
  };
  EXPECT_LT(GradientError(Start(), probe), 1e-8);
}

}  // namespace
}  // namespace pmoe
