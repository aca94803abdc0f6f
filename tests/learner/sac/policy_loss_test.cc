// The policy loss under every option against finite differences in float64, and max against all.
// M members, C critics, B batch, K primitives, A action_dim.
#include "learner/sac/policy_loss.h"

#include <gtest/gtest.h>

#include "ATen/ops/cat.h"
#include "ATen/ops/full.h"
#include "ATen/ops/one_hot.h"
#include "ATen/ops/stack.h"
#include "ATen/ops/zeros_like.h"
#include "learner/losses.h"
#include "tests/learner/gradient_testing.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

using at::Tensor;

constexpr int64_t kMembers = 2, kBatch = 3, kPrimitives = 3, kActions = 2;
constexpr int64_t kHeadSize = kMembers * kBatch * kPrimitives * kActions;
constexpr int64_t kRouterSize = kMembers * kBatch * kPrimitives;

constexpr double kGradientTolerance = 1e-8;

// Two smooth critics that cross: Q_c(s, a) = sum_j sin(3 a_j + phase_c + state) - a_j^2 / 2.
Tensor WavyCritics(const Tensor& action, int copies) {
  const Tensor state = RandomDoubles({kMembers, kBatch, 1, 1}, 50);
  std::vector<Tensor> q;
  for (int c = 0; c < copies; ++c) {
    const Tensor angle = action * 3.0 + (state + 1.3 * c);
    q.push_back((angle.sin() - action.square() * 0.5).sum(3));
  }
  return at::stack(q, 1);
}

MixtureHeads HeadsFrom(const Tensor& x) {
  const std::vector<int64_t> shape = {kMembers, kBatch, kPrimitives, kActions};
  MixtureHeads heads;
  heads.mean = x.narrow(0, 0, kHeadSize).view(shape);
  heads.log_std = x.narrow(0, kHeadSize, kHeadSize).view(shape) * 0.3 - 0.5;
  heads.router_logits =
      x.narrow(0, 2 * kHeadSize, kRouterSize).view({kMembers, kBatch, kPrimitives});
  return heads;
}

PolicyNoise FixedNoise() {
  Rng rng(7, RngRole::kLearnerRouter, 53);
  PolicyNoise noise;
  noise.eps = RandomDoubles({kMembers, kBatch, kPrimitives, kActions}, 51);
  noise.primitive = UniformTensor({kMembers, kBatch}, &rng).to(at::kDouble);
  const Tensor uniform = UniformTensor({kMembers, kBatch, kPrimitives}, &rng);
  noise.gumbel = -(-uniform.to(at::kDouble).log()).log();
  noise.gumbel_tau = 0.7;
  return noise;
}

constexpr double kAlpha = 0.2;

PolicyLossTerms Terms(const SacOptions& options, const Tensor& x, const PolicyNoise& noise) {
  const Tensor alpha = at::full({kMembers, 1}, kAlpha, at::kDouble);
  const auto critic = [&](const Tensor& action) {
    return WavyCritics(action, options.twin_critics ? 2 : 1);
  };
  return PolicyLoss(options, HeadsFrom(x), noise, alpha, critic);
}

Tensor TotalLoss(const SacOptions& options, const Tensor& x) {
  const PolicyLossTerms terms = Terms(options, x, FixedNoise());
  const Tensor loss = terms.primitive.sum();
  return terms.frequency.defined() ? loss + terms.frequency.sum() : loss;
}

Tensor RandomHeads() { return RandomDoubles({2 * kHeadSize + kRouterSize}, 52); }

TEST(PolicyLossTest, HasTheGradientOfItsValueUnderEveryOption) {
  const Tensor x = RandomHeads();
  for (int bits = 0; bits < 32; ++bits) {
    for (const RouterLoss router :
         {RouterLoss::kBrier, RouterLoss::kCrossEntropy, RouterLoss::kNone}) {
      SacOptions options = TestSacOptions();
      options.primitive_backprop = bits & 1 ? PrimitiveBackprop::kAll : PrimitiveBackprop::kMax;
      options.best_by = bits & 2 ? BestBy::kSoftQ : BestBy::kQ;
      options.entropy = bits & 4 ? EntropyOf::kMixture : EntropyOf::kComponent;
      options.loser_weight = bits & 8 ? 0.3 : 0.0;
      options.twin_critics = (bits & 16) != 0;
      options.router_loss = router;
      options.freq_reduction = bits & 1 ? Reduction::kMean : Reduction::kSum;
      const auto loss = [&](const Tensor& at) { return TotalLoss(options, at); };
      EXPECT_LT(GradientError(x, loss), kGradientTolerance)
          << "options " << bits << ", router loss " << static_cast<int>(router);
    }
  }
}

TEST(LossGradientTest, EveryLossHasTheGradientOfItsValue) {
  const Tensor q = RandomDoubles({kMembers, kBatch, kPrimitives}, 1);
  const Tensor log_prob = RandomDoubles({kMembers, kBatch, kPrimitives}, 2);
  const Tensor weight = RandomDoubles({kMembers, kBatch, kPrimitives}, 3).abs();
  const Tensor alpha = at::full({kMembers, 1}, 0.3, at::kDouble);
  const Tensor best = q.argmax(2);
  EXPECT_LT(
      GradientError(
          q, [&](const Tensor& x) { return PrimitiveLoss(x, log_prob, weight, alpha).sum(); }),
      kGradientTolerance);
  EXPECT_LT(
      GradientError(log_prob,
                    [&](const Tensor& x) { return PrimitiveLoss(q, x, weight, alpha).sum(); }),
      kGradientTolerance);
  for (const bool mean : {false, true}) {
    EXPECT_LT(
        GradientError(
            q, [&](const Tensor& x) { return FrequencyLoss(x.softmax(2), best, mean).sum(); }),
        kGradientTolerance);
  }
  EXPECT_LT(
      GradientError(
          q, [&](const Tensor& x) { return RouterCrossEntropy(x.log_softmax(2), best).sum(); }),
      kGradientTolerance);
  const Tensor y = RandomDoubles({kMembers, 5}, 4);
  EXPECT_LT(GradientError(RandomDoubles({kMembers, 2, 5}, 5),
                          [&](const Tensor& x) { return CriticLoss(x, y).sum(); }),
            kGradientTolerance);
}

TEST(LossGradientTest, TheDensitiesHaveTheGradientsOfTheirValues) {
  const std::vector<int64_t> shape = {kMembers, kBatch, kPrimitives, kActions};
  const Tensor u = RandomDoubles(shape, 7), mean = RandomDoubles(shape, 8);
  const Tensor log_std = RandomDoubles(shape, 9) * 0.3;
  const Tensor z = RandomDoubles({kMembers, kBatch, kPrimitives}, 10);
  const auto density = [&](const Tensor& u, const Tensor& mean, const Tensor& log_std,
                           const Tensor& z) {
    return MixtureLogProb(u, mean, log_std, z.log_softmax(2)).sum();
  };
  EXPECT_LT(GradientError(u, [&](const Tensor& x) { return density(x, mean, log_std, z); }), 1e-7);
  EXPECT_LT(GradientError(mean, [&](const Tensor& x) { return density(u, x, log_std, z); }), 1e-7);
  EXPECT_LT(GradientError(log_std, [&](const Tensor& x) { return density(u, mean, x, z); }), 1e-7);
  EXPECT_LT(GradientError(z, [&](const Tensor& x) { return density(u, mean, log_std, x); }), 1e-7);
  EXPECT_LT(GradientError(u, [&](const Tensor& x) { return SquashLogDet(x).sum(); }), 1e-7);
}

// Mean over the batch of max_k Q and of each Q_k for the same noise.
TEST(MaxAgainstAllTest, TheBestOfKIsAtLeastEachOfThem) {
  constexpr int64_t kDraws = 2000;
  const Tensor mean = RandomDoubles({1, 1, kPrimitives, 1}, 20).expand({1, kDraws, -1, -1});
  const MixtureHeads heads = {mean, at::full({1, kDraws, kPrimitives, 1}, -0.5, at::kDouble), {}};
  const Tensor action =
      SamplePrimitives(heads, RandomDoubles({1, kDraws, kPrimitives, 1}, 21)).action;
  const Tensor q = (action * 4.0).sin().squeeze(3);  // [1, B, K]
  const double best = q.amax(2).mean().item<double>();
  for (int64_t k = 0; k < kPrimitives; ++k) {
    EXPECT_GE(best, q.select(2, k).mean().item<double>());
  }
}

TEST(MaxAgainstAllTest, UnderMaxOnlyTheWinnerHasAGradient) {
  SacOptions options = TestSacOptions();
  options.router_loss = RouterLoss::kNone;
  Tensor x = RandomHeads().requires_grad_(true);
  TotalLoss(options, x).backward();
  const Tensor best = Terms(options, x.detach(), FixedNoise()).best;
  const Tensor mean_gradient =
      x.grad().narrow(0, 0, kHeadSize).view({kMembers, kBatch, kPrimitives, kActions});
  const Tensor moved = (mean_gradient != 0).any(3);  // [M, B, K]
  EXPECT_TRUE(moved.sum(2).eq(1).all().item<bool>());
  EXPECT_TRUE(moved.to(at::kInt).argmax(2).equal(best));
}

TEST(MaxAgainstAllTest, AllIsTheSumOverThePrimitives) {
  SacOptions all = TestSacOptions();
  all.primitive_backprop = PrimitiveBackprop::kAll;
  all.router_loss = RouterLoss::kNone;
  const Tensor x = RandomHeads();
  const MixtureHeads heads = HeadsFrom(x);
  const PrimitiveActions actions = SamplePrimitives(heads, FixedNoise().eps);
  const Tensor q = MinOverCritics(WavyCritics(actions.action, 2));
  const Tensor expected = (kAlpha * actions.log_prob - q).sum(2).mean(1).sum();
  EXPECT_NEAR(TotalLoss(all, x).item<double>(), expected.item<double>(), 1e-12);
}

TEST(LoserWeightTest, SharesAPartOfTheLossAmongTheLosers) {
  SacOptions options = TestSacOptions();
  options.loser_weight = 0.3;
  options.router_loss = RouterLoss::kNone;
  const Tensor x = RandomHeads();
  const MixtureHeads heads = HeadsFrom(x);
  const PrimitiveActions actions = SamplePrimitives(heads, FixedNoise().eps);
  const Tensor q = MinOverCritics(WavyCritics(actions.action, 2));
  const Tensor cost = kAlpha * actions.log_prob - q;  // [M, B, K]
  const Tensor winner = SelectPrimitive(cost, q.argmax(2)).squeeze(2);
  const Tensor losers = cost.sum(2) - winner;
  const Tensor expected = (0.7 * winner + 0.15 * losers).mean(1).sum();
  EXPECT_NEAR(TotalLoss(options, x).item<double>(), expected.item<double>(), 1e-12);
}

// c_k = alpha log pi_k(a_k) - min Q(a_k), [M, B, K].
Tensor Costs(const SacOptions& options, const Tensor& x) {
  const MixtureHeads heads = HeadsFrom(x);
  const PrimitiveActions actions = SamplePrimitives(heads, FixedNoise().eps);
  return kAlpha * ChosenLogProb(options, heads, actions) -
         MinOverCritics(WavyCritics(actions.action, 2));
}

// mean_B sum_k w_k c_k, what the other estimators estimate.
Tensor ExpectedLoss(const SacOptions& options, const Tensor& x) {
  return (HeadsFrom(x).RouterWeights() * Costs(options, x)).sum(2).mean(1).sum();
}

class EntropyTest : public ::testing::TestWithParam<EntropyOf> {
 protected:
  SacOptions Options(Estimator estimator) const {
    SacOptions options = TestSacOptions();
    options.estimator = estimator;
    options.entropy = GetParam();
    return options;
  }
};
using MarginalEstimatorTest = EntropyTest;
using ReinforceEstimatorTest = EntropyTest;

TEST_P(MarginalEstimatorTest, IsTheRoutersExpectationAndHasItsGradient) {
  const SacOptions options = Options(Estimator::kMarginal);
  const Tensor x = RandomHeads();
  const auto loss = [&](const Tensor& at) { return TotalLoss(options, at); };
  EXPECT_NEAR(loss(x).item<double>(), ExpectedLoss(options, x).item<double>(), 1e-12);
  EXPECT_LT(GradientError(x, loss), kGradientTolerance);
}

// The gradient for each k that may be drawn, weighted by w_k, row by row.
Tensor ExpectedGradient(const SacOptions& options, const Tensor& x) {
  const MixtureHeads heads = HeadsFrom(x);
  const Tensor w = heads.RouterWeights(), below = w.cumsum(2) - w;
  Tensor expected = at::zeros_like(x);
  for (int64_t k = 0; k < kPrimitives; ++k) {
    PolicyNoise noise = FixedNoise();
    noise.primitive = (below + 0.5 * w).select(2, k);
    const Tensor gradient =
        GradientOf(x, [&](const Tensor& at) { return Terms(options, at, noise).primitive.sum(); });
    const Tensor row = w.select(2, k);  // [M, B]
    const Tensor per_head = row.view({kMembers, kBatch, 1, 1}).expand_as(heads.mean).reshape({-1});
    const Tensor per_logit = row.unsqueeze(2).expand_as(w).reshape({-1});
    expected += gradient * at::cat({per_head, per_head, per_logit});
  }
  return expected;
}

TEST_P(ReinforceEstimatorTest, IsUnbiasedWithAndWithoutABaseline) {
  SacOptions options = Options(Estimator::kReinforce);
  const Tensor x = RandomHeads();
  const Tensor exact = GradientOf(x, [&](const Tensor& at) { return ExpectedLoss(options, at); });
  for (const Baseline baseline : {Baseline::kNone, Baseline::kExpected}) {
    options.reinforce_baseline = baseline;
    EXPECT_LT(MaxAbs(ExpectedGradient(options, x) - exact), 1e-14);
  }
}

INSTANTIATE_TEST_SUITE_P(Entropies, MarginalEstimatorTest,
                         ::testing::Values(EntropyOf::kComponent, EntropyOf::kMixture));
INSTANTIATE_TEST_SUITE_P(Entropies, ReinforceEstimatorTest,
                         ::testing::Values(EntropyOf::kComponent, EntropyOf::kMixture));

// d / d z_i = (1[i = k] - w_i) (c_k - b) / B for the drawn k, b = 0 or sum_k w_k c_k.
TEST(ReinforceEstimatorTest, HasTheScoreFunctionsGradientOnTheLogits) {
  SacOptions options = TestSacOptions();
  options.estimator = Estimator::kReinforce;
  const Tensor x = RandomHeads(), w = HeadsFrom(x).RouterWeights();
  const Tensor k = DrawPrimitive(w, FixedNoise().primitive);
  const Tensor score = at::one_hot(k, kPrimitives).to(at::kDouble) - w;
  const Tensor cost = Costs(options, x);
  const Tensor drawn = SelectPrimitive(cost, k);  // [M, B, 1]
  for (const Baseline baseline : {Baseline::kNone, Baseline::kExpected}) {
    options.reinforce_baseline = baseline;
    const Tensor b =
        baseline == Baseline::kNone ? at::zeros_like(drawn) : (w * cost).sum(2, /*keepdim=*/true);
    const Tensor expected = score * (drawn - b) / static_cast<double>(kBatch);
    const Tensor gradient = GradientOf(x, [&](const Tensor& at) { return TotalLoss(options, at); });
    const Tensor of_logits = gradient.narrow(0, 2 * kHeadSize, kRouterSize).view_as(expected);
    EXPECT_LT(MaxAbs(of_logits - expected), 1e-14);
  }
}

TEST(GumbelEstimatorTest, SoftWeightsHaveTheGradientOfTheLoss) {
  SacOptions options = TestSacOptions();
  options.estimator = Estimator::kGumbel;
  options.gumbel_hard = false;
  const auto loss = [&](const Tensor& at) { return TotalLoss(options, at); };
  EXPECT_LT(GradientError(RandomHeads(), loss), kGradientTolerance);
}

TEST(GumbelEstimatorTest, HardWeightsGiveTheLossOfTheLargestPrimitiveExactly) {
  SacOptions options = TestSacOptions();
  options.estimator = Estimator::kGumbel;
  const Tensor x = RandomHeads();
  const MixtureHeads heads = HeadsFrom(x);
  const PolicyNoise noise = FixedNoise();
  const Tensor largest = (heads.router_logits + noise.gumbel).argmax(2);
  const PrimitiveActions actions = SamplePrimitives(heads, noise.eps);
  const Tensor log_prob = SelectPrimitive(actions.log_prob, largest);
  const Tensor action = SelectPrimitive(actions.action, largest);
  const Tensor q = MinOverCritics(WavyCritics(action, 2));
  const PolicyLossTerms terms = Terms(options, x, noise);
  EXPECT_TRUE(BitwiseEqual(terms.log_prob, log_prob.squeeze(2)));
  EXPECT_TRUE(BitwiseEqual(terms.q, q.squeeze(2)));
  EXPECT_TRUE(BitwiseEqual(terms.primitive, (kAlpha * log_prob - q).sum(2).mean(1)));
}

// The straight-through gradient on the logits is that of the soft weights, at the hard ones'
// action.
TEST(GumbelEstimatorTest, HardWeightsPassTheSoftOnesGradientToTheLogits) {
  SacOptions options = TestSacOptions();
  options.estimator = Estimator::kGumbel;
  options.twin_critics = false;
  const Tensor x = RandomHeads();
  const MixtureHeads heads = HeadsFrom(x);
  const PolicyNoise noise = FixedNoise();
  const PrimitiveActions actions = SamplePrimitives(heads, noise.eps);
  const Tensor soft = ((heads.router_logits + noise.gumbel) / noise.gumbel_tau).softmax(2);
  const Tensor hard = at::one_hot(soft.argmax(2), kPrimitives).to(at::kDouble);
  // dL / dy_k = alpha log pi_k - dQ/da . a_k at a = sum_k y_k a_k, then softmax's Jacobian / tau.
  const Tensor action = (hard.unsqueeze(3) * actions.action).sum(2, /*keepdim=*/true);
  const Tensor slope =
      GradientOf(action, [](const Tensor& at) { return WavyCritics(at, 1).sum(); });
  const Tensor of_y = kAlpha * actions.log_prob - (slope * actions.action).sum(3);
  const Tensor expected = soft * (of_y - (soft * of_y).sum(2, /*keepdim=*/true)) /
                          (noise.gumbel_tau * static_cast<double>(kBatch));
  const Tensor gradient = GradientOf(x, [&](const Tensor& at) { return TotalLoss(options, at); });
  const Tensor of_logits = gradient.narrow(0, 2 * kHeadSize, kRouterSize).view_as(expected);
  EXPECT_LT(MaxAbs(of_logits - expected), 1e-13);
}

}  // namespace
}  // namespace pmoe
