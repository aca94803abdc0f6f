// The policy loss under every option against finite differences in float64, and max against all.
// M members, C critics, B batch, K primitives, A action_dim.
#include "learner/sac/policy_loss.h"

#include <gtest/gtest.h>

#include "ATen/ops/cat.h"
#include "ATen/ops/full.h"
#include "ATen/ops/stack.h"
#include "c10/core/GradMode.h"
#include "learner/losses.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

using at::Tensor;
using ScalarFunction = absl::FunctionRef<Tensor(const Tensor& x)>;

constexpr int64_t kMembers = 2, kBatch = 3, kPrimitives = 3, kActions = 2;
constexpr int64_t kHeadSize = kMembers * kBatch * kPrimitives * kActions;
constexpr int64_t kRouterSize = kMembers * kBatch * kPrimitives;

Tensor RandomDoubles(at::IntArrayRef shape, uint32_t stream) {
  Rng rng(7, RngRole::kLearner, stream);
  return testing::NormalTensor(shape, &rng).to(at::kDouble);
}

// Largest difference between autograd and central differences.
double GradientError(const Tensor& at_x, ScalarFunction f) {
  Tensor x = at_x.clone().requires_grad_(true);
  f(x).backward();
  const c10::AutoGradMode no_grad(false);
  constexpr double kStep = 1e-6;
  double worst = 0.0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    Tensor moved = at_x.clone();
    moved.view(-1)[i] += kStep;
    const double above = f(moved).item<double>();
    moved.view(-1)[i] -= 2.0 * kStep;
    const double slope = (above - f(moved).item<double>()) / (2.0 * kStep);
    worst = std::max(worst, std::abs(slope - x.grad().view(-1)[i].item<double>()));
  }
  return worst;
}

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

Tensor TotalLoss(const SacOptions& options, const Tensor& x) {
  const Tensor eps = RandomDoubles({kMembers, kBatch, kPrimitives, kActions}, 51);
  const Tensor alpha = at::full({kMembers, 1}, 0.2, at::kDouble);
  const auto critic = [&](const Tensor& action) {
    return WavyCritics(action, options.twin_critics ? 2 : 1);
  };
  const PolicyLossTerms terms = PolicyLoss(options, HeadsFrom(x), eps, alpha, critic);
  const Tensor loss = terms.primitive.sum();
  return terms.frequency.defined() ? loss + terms.frequency.sum() : loss;
}

TEST(PolicyLossTest, HasTheGradientOfItsValueUnderEveryOption) {
  const Tensor x = RandomDoubles({2 * kHeadSize + kRouterSize}, 52);
  for (int bits = 0; bits < 32; ++bits) {
    for (const RouterLoss router :
         {RouterLoss::kBrier, RouterLoss::kCrossEntropy, RouterLoss::kNone}) {
      SacOptions options;
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
  EXPECT_LT(GradientError(RandomDoubles({kMembers}, 6),
                          [&](const Tensor& x) { return AlphaLoss(x, y, -2.0).sum(); }),
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
  SacOptions options;
  options.router_loss = RouterLoss::kNone;
  Tensor x = RandomDoubles({2 * kHeadSize + kRouterSize}, 52).requires_grad_(true);
  TotalLoss(options, x).backward();
  const Tensor eps = RandomDoubles({kMembers, kBatch, kPrimitives, kActions}, 51);
  const Tensor alpha = at::full({kMembers, 1}, 0.2, at::kDouble);
  const auto critic = [&](const Tensor& action) { return WavyCritics(action, 2); };
  const Tensor best = PolicyLoss(options, HeadsFrom(x.detach()), eps, alpha, critic).best;
  const Tensor mean_gradient =
      x.grad().narrow(0, 0, kHeadSize).view({kMembers, kBatch, kPrimitives, kActions});
  const Tensor moved = (mean_gradient != 0).any(3);  // [M, B, K]
  EXPECT_TRUE(moved.sum(2).eq(1).all().item<bool>());
  EXPECT_TRUE(moved.to(at::kInt).argmax(2).equal(best));
}

TEST(MaxAgainstAllTest, AllIsTheSumOverThePrimitives) {
  SacOptions all;
  all.primitive_backprop = PrimitiveBackprop::kAll;
  all.router_loss = RouterLoss::kNone;
  const Tensor x = RandomDoubles({2 * kHeadSize + kRouterSize}, 52);
  const MixtureHeads heads = HeadsFrom(x);
  const Tensor eps = RandomDoubles({kMembers, kBatch, kPrimitives, kActions}, 51);
  const PrimitiveActions actions = SamplePrimitives(heads, eps);
  const Tensor q = MinOverCritics(WavyCritics(actions.action, 2));
  const Tensor expected = (0.2 * actions.log_prob - q).sum(2).mean(1).sum();
  EXPECT_NEAR(TotalLoss(all, x).item<double>(), expected.item<double>(), 1e-12);
}

TEST(LoserWeightTest, SharesAPartOfTheLossAmongTheLosers) {
  SacOptions options;
  options.loser_weight = 0.3;
  options.router_loss = RouterLoss::kNone;
  const Tensor x = RandomDoubles({2 * kHeadSize + kRouterSize}, 52);
  const MixtureHeads heads = HeadsFrom(x);
  const Tensor eps = RandomDoubles({kMembers, kBatch, kPrimitives, kActions}, 51);
  const PrimitiveActions actions = SamplePrimitives(heads, eps);
  const Tensor q = MinOverCritics(WavyCritics(actions.action, 2));
  const Tensor cost = 0.2 * actions.log_prob - q;  // [M, B, K]
  const Tensor winner = SelectPrimitive(cost, q.argmax(2)).squeeze(2);
  const Tensor losers = cost.sum(2) - winner;
  const Tensor expected = (0.7 * winner + 0.15 * losers).mean(1).sum();
  EXPECT_NEAR(TotalLoss(options, x).item<double>(), expected.item<double>(), 1e-12);
}

}  // namespace
}  // namespace pmoe
