// Losses and densities of the PPO family against closed forms and finite differences, in float64
// where nothing else is said. M members, B batch, K primitives, A action_dim.
#include "learner/ppo/ppo_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "ATen/ops/arange.h"
#include "ATen/ops/cat.h"
#include "ATen/ops/full.h"
#include "ATen/ops/logsumexp.h"
#include "ATen/ops/one_hot.h"
#include "ATen/ops/tensor.h"
#include "ATen/ops/zeros.h"
#include "ATen/ops/zeros_like.h"
#include "learner/losses.h"
#include "learner/sac/policy_loss.h"
#include "tests/learner/gradient_testing.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

using at::Tensor;

constexpr int64_t kMembers = 2, kBatch = 3, kPrimitives = 3, kActions = 2;
constexpr int64_t kHeadSize = kMembers * kBatch * kPrimitives * kActions;
constexpr int64_t kRouterSize = kMembers * kBatch * kPrimitives;
constexpr double kGradientTolerance = 1e-8;

Tensor Doubles(std::initializer_list<double> values, at::IntArrayRef shape) {
  return at::tensor(values, at::kDouble).view(shape);
}

MixtureHeads HeadsFrom(const Tensor& x) {
  const std::vector<int64_t> shape = {kMembers, kBatch, kPrimitives, kActions};
  MixtureHeads heads;
  heads.mean = x.narrow(0, 0, kHeadSize).view(shape);
  heads.log_std = x.narrow(0, kHeadSize, kHeadSize).view(shape) * 0.3;
  heads.router_logits =
      x.narrow(0, 2 * kHeadSize, kRouterSize).view({kMembers, kBatch, kPrimitives});
  return heads;
}

Tensor RandomHeads() { return RandomDoubles({2 * kHeadSize + kRouterSize}, 1); }
Tensor SomeActions() { return RandomDoubles({kMembers, kBatch, kActions}, 2); }
Tensor SomeComponents() {
  return at::arange(kMembers * kBatch, at::kLong).remainder(kPrimitives).view({kMembers, kBatch});
}

// Ratios on both sides of each kink, for advantages of both signs.
struct SurrogateExample {
  Tensor log_prob = Doubles({-0.5, -0.1, 0.1, 0.5, -0.5, -0.1, 0.1, 0.5}, {1, 8});
  Tensor old = at::zeros({1, 8}, at::kDouble);
  Tensor advantage = Doubles({2.0, 2.0, 2.0, 2.0, -3.0, -3.0, -3.0, -3.0}, {1, 8});
};

TEST(ClippedSurrogateTest, IsTheSmallerOfBothProducts) {
  const SurrogateExample x;
  const double good = 2.0 * (std::exp(-0.5) + std::exp(-0.1) + std::exp(0.1) + 1.2);
  const double bad = -3.0 * (0.8 + std::exp(-0.1) + std::exp(0.1) + std::exp(0.5));
  EXPECT_NEAR(ClippedSurrogate(x.log_prob, x.old, x.advantage, 0.2).item<double>(),
              -(good + bad) / 8.0, 1e-14);
}

TEST(ClippedSurrogateTest, HasTheGradientOfItsValueAndNoneBeyondTheClip) {
  const SurrogateExample x;
  const auto loss = [&](const Tensor& at) {
    return ClippedSurrogate(at + 0.3, x.old + 0.3, x.advantage, 0.2).sum();
  };
  EXPECT_LT(GradientError(x.log_prob, loss), kGradientTolerance);
  const Tensor gradient = GradientOf(x.log_prob, loss);
  EXPECT_EQ(gradient[0][3].item<double>(), 0.0);  // already likelier, and good
  EXPECT_EQ(gradient[0][4].item<double>(), 0.0);  // already unlikelier, and bad
  EXPECT_NE(gradient[0][0].item<double>(), 0.0);
  EXPECT_NE(gradient[0][7].item<double>(), 0.0);
}

TEST(ValueLossTest, IsHalfTheMeanSquaredError) {
  const Tensor value = Doubles({1.0, 4.0}, {1, 2}), returns = Doubles({0.0, 1.0}, {1, 2});
  EXPECT_DOUBLE_EQ(ValueLoss(value, value, returns, 0.0).item<double>(), 0.25 * (1.0 + 9.0));
}

TEST(ValueLossTest, WithAClipIsTheLargerError) {
  const Tensor old = Doubles({0.0, 0.0, 0.0}, {1, 3}), value = Doubles({1.0, 0.1, -1.0}, {1, 3});
  const Tensor returns = Doubles({2.0, 2.0, 2.0}, {1, 3});
  // Moved by at most .2: .2, .1, -.2.
  EXPECT_NEAR(ValueLoss(value, old, returns, 0.2).item<double>(),
              0.5 / 3.0 * (1.8 * 1.8 + 1.9 * 1.9 + 9.0), 1e-14);
}

TEST(ValueLossTest, HasTheGradientOfItsValue) {
  const Tensor value = RandomDoubles({kMembers, 20}, 3), old = RandomDoubles({kMembers, 20}, 4);
  const Tensor returns = RandomDoubles({kMembers, 20}, 5);
  for (const double clip : {0.0, 0.2, 1.0}) {
    const auto loss = [&](const Tensor& at) { return ValueLoss(at, old, returns, clip).sum(); };
    EXPECT_LT(GradientError(value, loss), kGradientTolerance) << clip;
  }
}

TEST(PolicyEntropyTest, OfAGaussianIsTheClosedForm) {
  const MixtureHeads heads = {at::zeros({1, 1, 1, 2}, at::kDouble),
                              Doubles({0.3, -1.2}, {1, 1, 1, 2})};
  EXPECT_NEAR(PolicyEntropy(heads).item<double>(),
              1.0 + std::log(2.0 * std::numbers::pi) + 0.3 - 1.2, 1e-14);
}

TEST(PolicyEntropyTest, HasTheGradientOfItsValue) {
  const auto entropy = [](const Tensor& x) { return PolicyEntropy(HeadsFrom(x)).sum(); };
  EXPECT_LT(GradientError(RandomHeads(), entropy), kGradientTolerance);
}

// PolicyEntropy less the mixture's own by quadrature, for two primitives at +-apart: H(k | a).
double EntropyOfTheComponent(double apart) {
  constexpr int64_t kPoints = 200'000;
  constexpr double kWidth = 60.0 / kPoints;
  const Tensor a = (at::arange(kPoints, at::kDouble) + 0.5) * kWidth - 30.0;
  const MixtureHeads heads = {Doubles({-apart, apart}, {1, 1, 2, 1}),
                              Doubles({0.0, -0.7}, {1, 1, 2, 1}), Doubles({0.0, 1.0}, {1, 1, 2})};
  const Tensor log_n = ComponentLogProbs(heads, a.view({1, kPoints, 1}));
  const Tensor log_prob = RatioLogProb(RatioOf::kDensity, heads, log_n, {}, {});
  const double exact = -(log_prob.exp() * log_prob).sum().item<double>() * kWidth;
  return PolicyEntropy(heads).item<double>() - exact;
}

TEST(PolicyEntropyTest, IsTheMixturesWhereTheActionTellsThePrimitive) {
  EXPECT_NEAR(EntropyOfTheComponent(15.0), 0.0, 1e-9);
}

TEST(PolicyEntropyTest, ExceedsTheMixturesByWhatTheActionLeavesOpen) {
  const double w = 1.0 / (1.0 + std::exp(1.0));
  const double of_router = -w * std::log(w) - (1.0 - w) * std::log(1.0 - w);
  EXPECT_GT(EntropyOfTheComponent(0.5), 0.3 * of_router);
  EXPECT_LT(EntropyOfTheComponent(0.5), of_router);
}

// Weights for kGumbel that do not depend on the heads.
Tensor SomeSoftWeights() { return RandomDoubles({kMembers, kBatch, kPrimitives}, 6).softmax(2); }

TEST(RatioLogProbTest, HasTheGradientOfItsValueForEveryKind) {
  const Tensor action = SomeActions(), component = SomeComponents();
  for (const RatioOf ratio :
       {RatioOf::kDensity, RatioOf::kJoint, RatioOf::kComponent, RatioOf::kGumbel}) {
    const auto log_prob = [&](const Tensor& x) {
      const MixtureHeads heads = HeadsFrom(x);
      return RatioLogProb(ratio, heads, ComponentLogProbs(heads, action), component,
                          SomeSoftWeights())
          .sum();
    };
    EXPECT_LT(GradientError(RandomHeads(), log_prob), 1e-7) << static_cast<int>(ratio);
  }
}

TEST(RatioLogProbTest, OfSoftGumbelWeightsIsTheLogOfTheWeightedDensities) {
  const MixtureHeads heads = HeadsFrom(RandomHeads());
  const Tensor log_n = ComponentLogProbs(heads, SomeActions()), y = SomeSoftWeights();
  const Tensor ours = RatioLogProb(RatioOf::kGumbel, heads, log_n, SomeComponents(), y);
  EXPECT_LT(MaxAbs(ours - (y * log_n.exp()).sum(2).log()), 1e-12);
  const Tensor of_y = GradientOf(y, [&](const Tensor& at) {
    return RatioLogProb(RatioOf::kGumbel, heads, log_n, SomeComponents(), at).sum();
  });
  EXPECT_LT(MaxAbs(of_y - log_n.exp() / ours.unsqueeze(2).exp()), 1e-10);
}

TEST(RatioLogProbTest, OfHardGumbelWeightsIsTheActingComponentsExactly) {
  const MixtureHeads heads = HeadsFrom(RandomHeads());
  const Tensor log_n = ComponentLogProbs(heads, SomeActions());
  const Tensor hard = at::one_hot(SomeComponents(), kPrimitives).to(at::kDouble);
  EXPECT_TRUE(BitwiseEqual(RatioLogProb(RatioOf::kGumbel, heads, log_n, SomeComponents(), hard),
                           RatioLogProb(RatioOf::kComponent, heads, log_n, SomeComponents(), {})));
}

TEST(RatioLogProbTest, JointIsAtMostTheMixtureAndAllJointsMakeIt) {
  const MixtureHeads heads = HeadsFrom(RandomHeads());
  const Tensor log_n = ComponentLogProbs(heads, SomeActions());
  const Tensor mixture = RatioLogProb(RatioOf::kDensity, heads, log_n, {}, {});
  Tensor sum = at::zeros_like(mixture);
  for (int64_t k = 0; k < kPrimitives; ++k) {
    const Tensor component = at::full({kMembers, kBatch}, k, at::kLong);
    const Tensor joint = RatioLogProb(RatioOf::kJoint, heads, log_n, component, {});
    const Tensor alone = RatioLogProb(RatioOf::kComponent, heads, log_n, component, {});
    EXPECT_TRUE((joint <= mixture).all().item<bool>());
    EXPECT_LT(MaxAbs(joint - alone - heads.LogRouterWeights().select(2, k)), 1e-12);
    sum = sum + joint.exp();
  }
  EXPECT_LT(MaxAbs(sum.log() - mixture), 1e-12);
}

TEST(RatioLogProbTest, WithoutARouterIsTheGaussiansWhateverTheKind) {
  const MixtureHeads one = {RandomDoubles({1, 4, 1, 2}, 7), RandomDoubles({1, 4, 1, 2}, 8)};
  const Tensor log_n = ComponentLogProbs(one, RandomDoubles({1, 4, 2}, 9));
  for (const RatioOf ratio :
       {RatioOf::kDensity, RatioOf::kJoint, RatioOf::kComponent, RatioOf::kGumbel}) {
    EXPECT_TRUE(RatioLogProb(ratio, one, log_n, {}, {}).equal(log_n.squeeze(2)));
  }
}

// A sum of densities would be 0 in float32 from 5 deviations of 17 actions.
TEST(RatioLogProbTest, StaysFiniteFiveDeviationsFromEveryPrimitive) {
  const double expected[] = {-228.12, -188.98};
  int i = 0;
  for (const double sigma : {1.0, 0.1}) {
    const MixtureHeads heads = {at::zeros({1, 1, 4, 17}),
                                at::full({1, 1, 4, 17}, std::log(sigma), at::kFloat),
                                at::zeros({1, 1, 4})};
    const Tensor action = at::full({1, 1, 17}, 5.0 * sigma, at::kFloat);
    const Tensor log_n = ComponentLogProbs(heads, action);
    EXPECT_NEAR(RatioLogProb(RatioOf::kDensity, heads, log_n, {}, {}).item<double>(), expected[i++],
                0.01);
    EXPECT_EQ(log_n.exp().sum().item<float>(), 0.0f);
  }
}

// However far the others lie off, in either direction, gradients stay finite.
TEST(RatioLogProbTest, OfGumbelWeightsStaysFiniteFarFromTheActingComponent) {
  Tensor mean = at::tensor({0.0f, 100.0f}).view({1, 1, 2, 1}).requires_grad_(true);
  const MixtureHeads heads = {mean, at::zeros({1, 1, 2, 1}), at::zeros({1, 1, 2})};
  for (const float at_action : {0.0f, 100.0f}) {
    const Tensor log_n = ComponentLogProbs(heads, at::full({1, 1, 1}, at_action, at::kFloat));
    const Tensor y = at::tensor({0.5f, 0.5f}).view({1, 1, 2});
    const Tensor log_prob =
        RatioLogProb(RatioOf::kGumbel, heads, log_n, at::zeros({1, 1}, at::kLong), y);
    log_prob.sum().backward();
    EXPECT_TRUE(std::isfinite(log_prob.item<double>()));
    EXPECT_TRUE(mean.grad().isfinite().all().item<bool>());
  }
}

TEST(PosteriorGumbelTest, HardWeightsAreOneHotAtTheComponentThatActed) {
  Rng rng(1, RngRole::kLearner, 0);
  const Tensor logits = NormalTensor({1, 500, 4}, &rng) * 3.0;
  const Tensor component = at::arange(500, at::kLong).remainder(4).view({1, 500});
  const Tensor uniform = UniformTensor({1, 500, 4}, &rng);
  const Tensor hard = PosteriorGumbelWeights(logits, component, uniform, 0.7, true);
  EXPECT_TRUE(BitwiseEqual(hard, at::one_hot(component, 4).to(at::kFloat)));
  const Tensor soft = PosteriorGumbelWeights(logits, component, uniform, 0.7, false);
  EXPECT_TRUE(soft.argmax(2).equal(component));
}

// In float32, with a weight of exp(-300) for the one that acted or for the other.
TEST(PosteriorGumbelTest, StaysFiniteWhereTheRouterIsCertain) {
  const Tensor uniform = at::tensor({0.0f, 0.99999994f, 0.5f, 0.5f}).view({1, 2, 2});
  const Tensor slope = at::tensor({1.0f, -2.0f}).view({1, 1, 2});
  for (const int64_t acted : {0, 1}) {
    Tensor z = at::tensor({0.0f, -300.0f, 0.0f, -300.0f}).view({1, 2, 2}).requires_grad_(true);
    const Tensor component = at::full({1, 2}, acted, at::kLong);
    const Tensor soft = PosteriorGumbelWeights(z, component, uniform, 1.0, false);
    (soft * slope).sum().backward();
    EXPECT_TRUE(soft.isfinite().all().item<bool>()) << acted;
    EXPECT_TRUE(z.grad().isfinite().all().item<bool>()) << acted;
    EXPECT_GE(soft.select(2, acted).min().item<double>(), 0.5) << acted;
  }
}

// The noise's law depends on the logits, but a draw is held fixed: the gradient is that of
// softmax((z + g) / tau) at the g that was drawn.
TEST(PosteriorGumbelTest, SoftWeightsHaveTheGradientAtTheNoiseThatWasDrawn) {
  constexpr double kTau = 0.8;
  Rng rng(2, RngRole::kLearner, 0);
  const Tensor z = RandomDoubles({kMembers, kBatch, kPrimitives}, 10);
  const Tensor uniform = UniformTensor(z.sizes(), &rng).to(at::kDouble);
  const Tensor slope = RandomDoubles(z.sizes(), 11);
  const auto posterior = [&](const Tensor& at, bool hard) {
    return PosteriorGumbelWeights(at, SomeComponents(), uniform, kTau, hard);
  };
  const Tensor noise = posterior(z, false).log() * kTau - z;  // up to a constant of each row
  const auto fixed = [&](const Tensor& at) {
    return (GumbelWeights(at, noise, kTau, /*hard=*/false) * slope).sum();
  };
  EXPECT_LT(GradientError(z, fixed), kGradientTolerance);
  for (const bool hard : {false, true}) {
    const Tensor ours =
        GradientOf(z, [&](const Tensor& at) { return (posterior(at, hard) * slope).sum(); });
    EXPECT_LT(MaxAbs(ours - GradientOf(z, fixed)), 1e-12);
  }
}

// component ~ Cat(w), then noise from its posterior: together a fresh draw of Gumbel-softmax.
TEST(PosteriorGumbelTest, OverTheRoutersDrawsItIsAFreshGumbelSoftmax) {
  constexpr int64_t kDraws = 200'000;
  constexpr double kTau = 0.8;
  Rng rng(3, RngRole::kLearner, 0);
  const Tensor z = Doubles({1.0, 0.0, -1.5}, {1, 1, 3}).expand({1, kDraws, 3});
  const auto uniform = [&] { return UniformTensor({1, kDraws, 3}, &rng).to(at::kDouble); };
  const Tensor component = DrawPrimitive(z.softmax(2), uniform().select(2, 0));
  const Tensor posterior = PosteriorGumbelWeights(z, component, uniform(), kTau, false);
  const Tensor gumbel = -(-uniform().clamp_min(0x1p-25).log()).log();
  const Tensor fresh = GumbelWeights(z, gumbel, kTau, false);
  // Four deviations of the difference of two means; weights and their squares have at most 1/4.
  const double error = 4.0 * std::sqrt(2.0 * 0.25 / kDraws);
  EXPECT_LT(MaxAbs(posterior.mean(1) - fresh.mean(1)), error);
  EXPECT_LT(MaxAbs(posterior.square().mean(1) - fresh.square().mean(1)), error);
  const auto product = [](const Tensor& y) { return (y.select(2, 0) * y.select(2, 1)).mean(); };
  EXPECT_LT(MaxAbs(product(posterior) - product(fresh)), error);
}

// [1, 4, 3] rows with options 0, 1, 2, 1 before; the last begins an episode.
struct OptionExample {
  explicit OptionExample(double beta) {
    heads.mean = at::zeros({1, 4, 3, 1}, at::kDouble);
    heads.log_std = heads.mean;
    heads.router_logits = RandomDoubles({1, 4, 3}, 12);
    heads.beta = at::full({1, 4, 3}, beta, at::kDouble);
  }
  Tensor Probabilities(bool compat = false) const {
    return OptionProbabilities(heads, before, start, compat);
  }
  MixtureHeads heads;
  Tensor before = at::tensor({int64_t{0}, int64_t{1}, int64_t{2}, int64_t{1}}).view({1, 4});
  Tensor start = at::tensor({0.0f, 0.0f, 0.0f, 1.0f}).view({1, 4});
};

TEST(OptionProbabilitiesTest, EndWithTheirOwnBetaAndSumToOne) {
  OptionExample x(0.0);
  x.heads.beta = RandomDoubles({1, 4, 3}, 13).sigmoid();
  const Tensor p = x.Probabilities(), w = x.heads.RouterWeights();
  EXPECT_LT(MaxAbs(p.sum(2) - 1.0), 1e-14);
  for (int64_t row = 0; row < 3; ++row) {
    const double beta = x.heads.beta[0][row][row].item<double>();  // the option before is `row`
    for (int64_t k = 0; k < 3; ++k) {
      const double stays = k == row ? 1.0 - beta : 0.0;
      EXPECT_NEAR(p[0][row][k].item<double>(), stays + beta * w[0][row][k].item<double>(), 1e-14);
    }
  }
}

TEST(OptionProbabilitiesTest, AlwaysEndingIsTheRouterAndNeverEndingStays) {
  const OptionExample always(1.0), never(0.0);
  EXPECT_LT(MaxAbs(always.Probabilities() - always.heads.RouterWeights()), 1e-15);
  const Tensor stays = at::one_hot(never.before, 3).to(at::kDouble);
  EXPECT_TRUE(never.Probabilities().narrow(1, 0, 3).equal(stays.narrow(1, 0, 3)));
}

TEST(OptionProbabilitiesTest, AnEpisodeStartsByTheRouter) {
  const OptionExample never(0.0);
  EXPECT_TRUE(never.Probabilities().select(1, 3).equal(never.heads.RouterWeights().select(1, 3)));
}

// The published code takes each option's own beta: its rows do not sum to 1.
TEST(OptionProbabilitiesTest, CompatRowsDoNotSumToOne) {
  OptionExample x(0.0);
  x.heads.beta = RandomDoubles({1, 4, 3}, 13).sigmoid();
  const Tensor p = x.Probabilities(/*compat=*/true);
  const Tensor stays = at::one_hot(x.before, 3).to(at::kDouble);
  const Tensor expected = (1.0 - x.heads.beta) * stays + x.heads.beta * x.heads.RouterWeights();
  EXPECT_LT(MaxAbs((p - expected).narrow(1, 0, 3)), 1e-15);
  EXPECT_GT((p.sum(2) - 1.0).abs().narrow(1, 0, 3).min().item<double>(), 1e-3);
}

}  // namespace
}  // namespace pmoe
