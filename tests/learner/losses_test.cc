// Densities and losses against closed forms, in float64 where nothing else is said.
// M members, B batch, K primitives, A action_dim.
#include "learner/losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "ATen/ops/arange.h"
#include "ATen/ops/argmax.h"
#include "ATen/ops/full.h"
#include "ATen/ops/one_hot.h"
#include "ATen/ops/ones.h"
#include "ATen/ops/tensor.h"
#include "learner/nets/policy_net.h"
#include "learner/sac/policy_loss.h"
#include "learner/stat_sums.h"
#include "tests/learner/gradient_testing.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

using at::Tensor;

Tensor Doubles(std::initializer_list<double> values, at::IntArrayRef shape) {
  return at::tensor(values, at::kDouble).view(shape);
}

TEST(GaussianLogProbTest, IsTheLogOfTheNormalDensity) {
  const double sigma = 0.7, z = 1.3;
  const double expected =
      std::log(std::exp(-0.5 * z * z) / (sigma * std::sqrt(2.0 * std::numbers::pi)));
  const Tensor eps = at::full({2}, z, at::kDouble);
  const Tensor log_std = at::full({2}, std::log(sigma), at::kDouble);
  EXPECT_NEAR(GaussianLogProb(eps, log_std).item<double>(), 2.0 * expected, 1e-14);
}

TEST(SquashLogDetTest, IsExactInFloat32FarOut) {
  const double u[] = {8.0, 10.0, 15.0}, expected[] = {-14.6137, -18.6137, -28.6137};
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(SquashLogDet(at::full({1}, u[i], at::kFloat)).item<double>(), expected[i], 1e-4);
    EXPECT_NEAR(SquashLogDet(at::full({1}, -u[i], at::kFloat)).item<double>(), expected[i], 1e-4);
  }
}

TEST(SquashLogDetTest, IsLogOfOneMinusTanhSquared) {
  for (const double u : {-3.0, -0.4, 0.0, 0.9, 4.0}) {
    const double expected = std::log(1.0 - std::tanh(u) * std::tanh(u));
    EXPECT_NEAR(SquashLogDet(at::full({1}, u, at::kDouble)).item<double>(), expected, 1e-12);
  }
}

TEST(MixtureLogProbTest, IntegratesToOneOverTheActions) {
  constexpr int64_t kPoints = 400'000;
  const Tensor a = (at::arange(kPoints, at::kDouble) + 0.5) * (2.0 / kPoints) - 1.0;  // midpoints
  const Tensor mean = Doubles({-1.2, 0.1, 0.8}, {1, 1, 3, 1});
  const Tensor log_std = Doubles({-0.7, -1.5, -0.2}, {1, 1, 3, 1});
  const Tensor log_w = Doubles({0.2, 0.5, 0.3}, {1, 1, 3}).log();
  const Tensor log_prob = MixtureLogProb(a.atanh().view({1, 1, kPoints, 1}), mean, log_std, log_w);
  EXPECT_NEAR(log_prob.exp().sum().item<double>() * 2.0 / kPoints, 1.0, 1e-6);
}

TEST(MixtureLogProbTest, OfOnePrimitiveIsThatPrimitivesLogProb) {
  Rng rng(1, RngRole::kLearner, 0);
  MixtureHeads heads;
  heads.mean = NormalTensor({2, 3, 1, 4}, &rng).to(at::kDouble);
  heads.log_std = NormalTensor({2, 3, 1, 4}, &rng).to(at::kDouble) - 1.0;
  const Tensor eps = NormalTensor({2, 3, 1, 4}, &rng).to(at::kDouble);
  const PrimitiveActions actions = SamplePrimitives(heads, eps);
  const Tensor mixture =
      MixtureLogProb(actions.pre_tanh, heads.mean, heads.log_std, heads.LogRouterWeights());
  EXPECT_LT(MaxAbs(mixture - actions.log_prob), 1e-12);
}

TEST(MixtureLogProbTest, StaysFiniteFiveDeviationsFromEveryPrimitive) {
  constexpr int64_t kActions = 17;
  for (const double sigma : {1.0, 0.1}) {
    const Tensor mean = at::full({1, 1, 2, kActions}, 0.0, at::kFloat);
    const Tensor log_std = at::full({1, 1, 2, kActions}, std::log(sigma), at::kFloat);
    const Tensor log_w = at::full({1, 1, 2}, std::log(0.5), at::kFloat);
    const Tensor u = at::full({1, 1, 1, kActions}, 5.0 * sigma, at::kFloat);
    const double log_prob = MixtureLogProb(u, mean, log_std, log_w).item<double>();
    // 17 (-25/2 - log sigma - log(2 pi) / 2 - log(1 - tanh(u)^2))
    const double log_det =
        2.0 * (std::log(2.0) - 5.0 * sigma - std::log1p(std::exp(-10.0 * sigma)));
    const double per_action =
        -12.5 - std::log(sigma) - 0.5 * std::log(2.0 * std::numbers::pi) - log_det;
    EXPECT_NEAR(log_prob, kActions * per_action, 1e-3) << sigma;
    // What the sum of densities would have been, in float32.
    const float naive = std::exp(static_cast<float>(kActions * -12.5f));
    EXPECT_EQ(naive, 0.0f);
  }
}

TEST(CriticTargetTest, IsTheDiscountedSoftValue) {
  const Tensor y = CriticTarget(Doubles({1.0, 2.0}, {1, 2}), Doubles({0.9, 0.0}, {1, 2}),
                                Doubles({10.0, 10.0}, {1, 2}), Doubles({-3.0, -3.0}, {1, 2}),
                                Doubles({0.5}, {1, 1}));
  EXPECT_DOUBLE_EQ(y[0][0].item<double>(), 1.0 + 0.9 * (10.0 + 0.5 * 3.0));
  EXPECT_DOUBLE_EQ(y[0][1].item<double>(), 2.0);  // terminated
}

TEST(CriticLossTest, SumsTheMeanSquaredErrorsOfTheCritics) {
  const Tensor q = Doubles({1.0, 2.0, 3.0, 5.0}, {1, 2, 2});
  const Tensor y = Doubles({0.0, 4.0}, {1, 2});
  EXPECT_DOUBLE_EQ(CriticLoss(q, y).item<double>(), (1.0 + 4.0) / 2.0 + (9.0 + 1.0) / 2.0);
}

TEST(CriticLossTest, EachRowsSquareCountsByItsWeight) {
  const Tensor q = Doubles({1.0, 2.0, 3.0, 5.0}, {1, 2, 2});
  const Tensor y = Doubles({0.0, 4.0}, {1, 2});
  const Tensor weight = Doubles({0.5, 0.25}, {1, 2});
  EXPECT_DOUBLE_EQ(CriticLoss(q, y, weight).item<double>(),
                   (0.5 * 1.0 + 0.25 * 4.0) / 2.0 + (0.5 * 9.0 + 0.25 * 1.0) / 2.0);
}

// d L_freq / d z_i = 2 w_i [(w_i - v_i) - sum_k w_k (w_k - v_k)], one row.
Tensor FrequencyGradient(const Tensor& z, const Tensor& v) {
  const Tensor w = z.softmax(-1);
  const Tensor error = w - v;
  return 2.0 * w * (error - (w * error).sum(-1, /*keepdim=*/true));
}

TEST(FrequencyLossTest, HasTheClosedFormGradientOnTheLogits) {
  Rng rng(2, RngRole::kLearner, 0);
  constexpr int64_t kRows = 50, kPrimitives = 4;
  Tensor z =
      (NormalTensor({1, kRows, kPrimitives}, &rng).to(at::kDouble) * 2.0).requires_grad_(true);
  const Tensor best = at::arange(kRows, at::kLong).remainder(kPrimitives).view({1, kRows});
  const Tensor v = at::one_hot(best, kPrimitives).to(at::kDouble);
  FrequencyLoss(z.softmax(-1), best, /*mean_over_primitives=*/false).sum().backward();
  const Tensor expected = FrequencyGradient(z.detach(), v) / static_cast<double>(kRows);
  EXPECT_LT(MaxAbs(z.grad() - expected), 1e-12);
}

TEST(FrequencyLossTest, TheMeanOverPrimitivesIsTheSumDividedByK) {
  const Tensor w = Doubles({0.1, 0.2, 0.7, 0.3, 0.3, 0.4}, {1, 2, 3});
  const Tensor best = at::tensor({int64_t{2}, int64_t{0}}).view({1, 2});
  EXPECT_DOUBLE_EQ(FrequencyLoss(w, best, true).item<double>() * 3.0,
                   FrequencyLoss(w, best, false).item<double>());
  EXPECT_NEAR(FrequencyLoss(w, best, false).item<double>(),
              (0.01 + 0.04 + 0.09 + 0.49 + 0.09 + 0.16) / 2.0, 1e-15);
}

// Expected gradient under best ~ f of both router losses, at z = log(w).
TEST(RouterLossTest, HasItsOnlyInteriorStationaryPointAtTheWinFrequencies) {
  const Tensor f = Doubles({0.5, 0.3, 0.15, 0.05}, {1, 1, 4});
  EXPECT_LT(MaxAbs(FrequencyGradient(f.log(), f)), 1e-15);
  Rng rng(3, RngRole::kLearner, 0);
  for (int i = 0; i < 1000; ++i) {
    const Tensor z = NormalTensor({1, 1, 4}, &rng).to(at::kDouble);
    const double distance = MaxAbs(z.softmax(-1) - f);
    if (distance < 1e-3) continue;
    // w_i (e_i - w.e) = 0 for all i needs equal errors, whose sum is 0: e = 0.
    EXPECT_GT(MaxAbs(FrequencyGradient(z, f)), 1e-3 * distance);
  }
}

TEST(RouterLossTest, CrossEntropyHasGradientWMinusV) {
  Rng rng(4, RngRole::kLearner, 0);
  Tensor z = NormalTensor({1, 6, 3}, &rng).to(at::kDouble).requires_grad_(true);
  const Tensor best = at::arange(6, at::kLong).remainder(3).view({1, 6});
  RouterCrossEntropy(z.log_softmax(-1), best).sum().backward();
  const Tensor expected = (z.detach().softmax(-1) - at::one_hot(best, 3).to(at::kDouble)) / 6.0;
  EXPECT_LT(MaxAbs(z.grad() - expected), 1e-12);
}

TEST(MarginalLossTest, IsTheRoutersExpectationOfTheCost) {
  const Tensor w = Doubles({0.25, 0.75, 1.0, 0.0}, {1, 2, 2});
  const Tensor q = Doubles({1.0, 2.0, 3.0, 100.0}, {1, 2, 2});
  const Tensor log_prob = Doubles({-1.0, 4.0, 2.0, 100.0}, {1, 2, 2});
  const double first = 0.25 * (-0.5 - 1.0) + 0.75 * (2.0 - 2.0), second = 1.0 - 3.0;
  EXPECT_DOUBLE_EQ(MarginalLoss(w, q, log_prob, Doubles({0.5}, {1, 1})).item<double>(),
                   (first + second) / 2.0);
}

// dL / dw_k = c_k / B, dL / dq_k = -w_k / B, dL / dlog_prob_k = alpha w_k / B.
TEST(MarginalLossTest, PassesGradientsToWeightsValuesAndDensities) {
  Tensor w = Doubles({0.25, 0.75}, {1, 1, 2}).requires_grad_(true);
  Tensor q = Doubles({1.0, 2.0}, {1, 1, 2}).requires_grad_(true);
  Tensor log_prob = Doubles({-1.0, 4.0}, {1, 1, 2}).requires_grad_(true);
  Tensor alpha = Doubles({0.5}, {1, 1}).requires_grad_(true);
  MarginalLoss(w, q, log_prob, alpha).sum().backward();
  EXPECT_TRUE(w.grad().equal(Doubles({-1.5, 0.0}, {1, 1, 2})));
  EXPECT_TRUE(q.grad().equal(Doubles({-0.25, -0.75}, {1, 1, 2})));
  EXPECT_TRUE(log_prob.grad().equal(Doubles({0.125, 0.375}, {1, 1, 2})));
  EXPECT_DOUBLE_EQ(alpha.grad().item<double>(), 0.25 * -1.0 + 0.75 * 4.0);
}

TEST(GumbelWeightsTest, AreTheSoftmaxOfThePerturbedLogitsByTheTemperature) {
  const Tensor z = Doubles({0.0, 1.0}, {1, 1, 2}), g = Doubles({0.5, -0.2}, {1, 1, 2});
  for (const double tau : {0.1, 1.0, 5.0}) {
    const double second = 1.0 / (1.0 + std::exp(-(0.8 - 0.5) / tau));
    const Tensor y = GumbelWeights(z, g, tau, /*hard=*/false);
    EXPECT_NEAR(y[0][0][1].item<double>(), second, 1e-15);
    EXPECT_NEAR(y.sum().item<double>(), 1.0, 1e-15);
  }
}

TEST(GumbelWeightsTest, HardOnesAreExactlyOneHotWithTheSoftOnesGradient) {
  Rng rng(5, RngRole::kLearner, 0);
  const Tensor z = NormalTensor({2, 50, 4}, &rng), g = NormalTensor({2, 50, 4}, &rng);
  const Tensor slope = NormalTensor({2, 50, 4}, &rng);
  Tensor at_soft = z.clone().requires_grad_(true), at_hard = z.clone().requires_grad_(true);
  const Tensor soft = GumbelWeights(at_soft, g, 0.6, false);
  const Tensor hard = GumbelWeights(at_hard, g, 0.6, true);
  EXPECT_TRUE(BitwiseEqual(hard, at::one_hot((z + g).argmax(2), 4).to(at::kFloat)));
  (soft * slope).sum().backward();
  (hard * slope).sum().backward();
  EXPECT_TRUE(BitwiseEqual(at_hard.grad(), at_soft.grad()));
}

// Gumbel-max: the argmax is a draw from softmax(z).
TEST(GumbelWeightsTest, TheLargestIsDrawnByTheRoutersWeights) {
  constexpr int64_t kDraws = 100'000;
  Rng rng(6, RngRole::kLearner, 0);
  const Tensor w = Doubles({0.1, 0.6, 0.3}, {3});
  const Tensor uniform = UniformTensor({1, kDraws, 3}, &rng).to(at::kDouble);
  const Tensor gumbel = -(-uniform.clamp_min(0x1p-25).log()).log();
  const Tensor y = GumbelWeights(w.log().expand({1, kDraws, 3}), gumbel, 1.0, true);
  // Four standard deviations of the share of .6 among 100,000 draws: .0062.
  EXPECT_LT(MaxAbs(y.mean(1).squeeze(0) - w), 0.0062);
}

TEST(ReinforceLossTest, IsTheCostWithTheScoreFunctionsGradient) {
  Tensor cost = Doubles({2.0, -1.0}, {1, 2}).requires_grad_(true);
  Tensor log_w = Doubles({-0.5, -3.0}, {1, 2}).requires_grad_(true);
  Tensor baseline = Doubles({0.5, 0.25}, {1, 2}).requires_grad_(true);
  const Tensor loss = ReinforceLoss(cost, log_w, baseline);
  EXPECT_DOUBLE_EQ(loss.item<double>(), (2.0 - 0.5 * 1.5 - 1.0 - 3.0 * -1.25) / 2.0);
  loss.sum().backward();
  EXPECT_TRUE(cost.grad().equal(Doubles({0.5, 0.5}, {1, 2})));  // the score's factor is constant
  EXPECT_TRUE(log_w.grad().equal(Doubles({0.75, -0.625}, {1, 2})));
  EXPECT_FALSE(baseline.grad().defined());
}

TEST(DrawPrimitiveTest, InvertsTheCumulatedWeights) {
  const Tensor w = at::tensor({0.25f, 0.5f, 0.25f}).view({1, 1, 3}).expand({1, 5, 3});
  const Tensor u = at::tensor({0.0f, 0.2499f, 0.25f, 0.7499f, 0.75f}).view({1, 5});
  const Tensor expected = at::tensor({int64_t{0}, int64_t{0}, int64_t{1}, int64_t{1}, int64_t{2}});
  EXPECT_TRUE(DrawPrimitive(w, u).squeeze(0).equal(expected));
}

TEST(DrawPrimitiveTest, StaysInRangeWhereTheWeightsRoundBelowOne) {
  const float last = std::nextafterf(1.0f, 0.0f);
  // 0.1 ten times sums to less than the largest uniform number in float32.
  const Tensor w = at::full({1, 1, 10}, 0.0999999f, at::kFloat);
  EXPECT_EQ(DrawPrimitive(w, at::full({1, 1}, last, at::kFloat)).item<int64_t>(), 9);
}

TEST(DrawPrimitiveTest, NeverDrawsAPrimitiveOfWeightZeroInFront) {
  const Tensor w = at::tensor({0.0f, 1.0f, 0.0f}).view({1, 1, 3});
  for (const float u : {0.0f, 0.5f, 0.99999994f}) {
    EXPECT_EQ(DrawPrimitive(w, at::full({1, 1}, u, at::kFloat)).item<int64_t>(), 1) << u;
  }
}

TEST(MinOverCriticsTest, TakesTheSmallerOfTwoAndTheOnlyOne) {
  const Tensor q = Doubles({1.0, 5.0, 3.0, 2.0}, {1, 2, 1, 2});
  EXPECT_TRUE(MinOverCritics(q).equal(Doubles({1.0, 2.0}, {1, 1, 2})));
  EXPECT_TRUE(MinOverCritics(q.narrow(1, 1, 1)).equal(Doubles({3.0, 2.0}, {1, 1, 2})));
}

// Towards one-hot targets, all rows counted, they are the losses of an index.
TEST(FrequencyLossTest, ToATargetIsToItsWinner) {
  Rng rng(1, RngRole::kLearner, 0);
  const at::Tensor z = NormalTensor({1, 6, 3}, &rng), best = at::argmax(z, 2).flip(1);
  const at::Tensor target = at::one_hot(best, 3).to(at::kFloat), all = at::ones({1, 6});
  const at::Tensor w = z.softmax(2), log_w = z.log_softmax(2);
  for (const bool mean : {false, true}) {
    EXPECT_EQ(FrequencyLossTo(w, target, all, mean).item<float>(),
              FrequencyLoss(w, best, mean).item<float>());
  }
  EXPECT_EQ(RouterCrossEntropyTo(log_w, target, all).item<float>(),
            RouterCrossEntropy(log_w, best).item<float>());
}

TEST(RouterEntropyLackTest, IsWhatEachStateLacks) {
  // ln 2, and 0.
  const at::Tensor w = at::tensor({0.5, 0.5, 1.0, 0.0}).view({1, 2, 2}).to(at::kDouble);
  EXPECT_NEAR(RouterEntropyLack(w.clamp_min(1e-30).log(), w, 0.5).item<double>(), 0.25, 1e-12);
}

// Half of the states by one primitive and half by the other, then each state by both.
TEST(RouterInformationTest, TellsARouterThatLooksAtTheStateFromOneThatDoesNot) {
  const auto of = [](double entropy, double first, double second) {
    return RouterInformation(
        {{"router_entropy", entropy}, {"primitive_usage_0", first}, {"primitive_usage_1", second}});
  };
  EXPECT_NEAR(of(0.0, 0.5, 0.5).value(), std::log(2.0), 1e-12);
  EXPECT_NEAR(of(std::log(2.0), 0.5, 0.5).value(), 0.0, 1e-12);
  EXPECT_NEAR(of(0.0, 1.0, 0.0).value(), 0.0, 1e-12);
  EXPECT_FALSE(RouterInformation({{"router_entropy", 0.0}, {"primitive_usage_0", 1.0}}));
  EXPECT_FALSE(RouterInformation({}));
}

TEST(SmallestAtomsTest, PoolsTheCriticsAndLeavesOutTheLargest) {
  const Tensor atoms = Doubles({1.0, 5.0, 3.0, 4.0, 2.0, 9.0}, {1, 2, 1, 1, 3});
  EXPECT_TRUE(SmallestAtoms(atoms, 4).equal(Doubles({1.0, 2.0, 3.0, 4.0}, {1, 1, 1, 4})));
}

TEST(QuantileHuberTest, ItsGradientIsItsSlope) {
  const Tensor q = RandomDoubles({2, 2, 3, 5}, 41) * 2.0;
  const Tensor y = RandomDoubles({2, 3, 8}, 42) * 2.0;
  const Tensor w = RandomDoubles({2, 3, 8}, 43).softmax(2);
  EXPECT_LT(GradientError(q, [&](const Tensor& x) { return QuantileHuber(x, y, w).sum(); }), 1e-7);
}

// One quantile is the median: half of Huber's loss.
TEST(QuantileHuberTest, OfOneQuantileIsHalfOfHubersLoss) {
  const Tensor q = Doubles({0.0, 0.0}, {1, 1, 2, 1});
  const Tensor y = Doubles({0.5, -3.0}, {1, 2, 1}), w = at::ones({1, 2, 1}, at::kDouble);
  EXPECT_TRUE(QuantileHuber(q, y, w).equal(Doubles({0.0625, 1.25}, {1, 1, 2})));
}

}  // namespace
}  // namespace pmoe
