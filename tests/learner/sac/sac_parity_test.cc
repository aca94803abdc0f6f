// One primitive is SAC: the same minibatches give the same bits.
#include <gtest/gtest.h>

#include "learner/sac/sac_learner.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr int kUpdates = 50;
constexpr int kObs = 5;
constexpr int kActions = 2;

struct Variant {
  const char* name;
  PrimitiveBackprop backprop = PrimitiveBackprop::kMax;
  bool router_reads_obs = false;
  bool router_detached = true;
  RouterLoss router_loss = RouterLoss::kBrier;
  TargetOver target = TargetOver::kSample;
  Estimator estimator = Estimator::kFrequency;
  Baseline baseline = Baseline::kNone;
  int quantiles = 0;
  CriticNorm critic_norm = CriticNorm::kNone;
};

PolicySpec MakeSpec(HeadType head, bool router_reads_obs = false) {
  PolicyOptions options = BoxOptions(kObs, kActions);
  options.hidden = {32, 32};
  options.head = head;
  options.router_reads_obs = router_reads_obs;
  return MakePolicySpec(options);
}

std::unique_ptr<SacLearner> Train(const SacOptions& options, const PolicySpec& spec) {
  auto learner = std::make_unique<SacLearner>(options, spec, at::kCPU);
  Rng rng(9, RngRole::kReplay, 0);
  Minibatch batch({.obs_dim = kObs, .action_dim = kActions}, options.batch_size);
  for (int i = 0; i < kUpdates; ++i) {
    FillRandom(&rng, &batch);
    EXPECT_OK(learner->Update(&batch));
  }
  return learner;
}

// The layers that SAC has, then critics, targets and temperature.
void ExpectSameBits(SacUpdate* sac, SacUpdate* pmoe) {
  for (int i = 0; i < sac->actor().layers(); ++i) {
    EXPECT_TRUE(BitwiseEqual(sac->actor().Trained(i).weight, pmoe->actor().Trained(i).weight))
        << "layer " << i;
    EXPECT_TRUE(BitwiseEqual(sac->actor().Trained(i).bias, pmoe->actor().Trained(i).bias))
        << "layer " << i;
  }
  EXPECT_TRUE(BitwiseEqual(sac->critics().values(), pmoe->critics().values()));
  EXPECT_TRUE(BitwiseEqual(sac->targets().values(), pmoe->targets().values()));
  EXPECT_TRUE(BitwiseEqual(sac->Alpha(), pmoe->Alpha()));
}

// Relative to the largest number.
void ExpectClose(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_LT(MaxAbs(a - b), 1e-5 * MaxAbs(b));
}

void ExpectClose(SacUpdate* a, SacUpdate* sac) {
  for (int i = 0; i < sac->actor().layers(); ++i) {
    ExpectClose(a->actor().Frozen(i).weight, sac->actor().Frozen(i).weight);
    ExpectClose(a->actor().Frozen(i).bias, sac->actor().Frozen(i).bias);
  }
  ExpectClose(a->critics().values(), sac->critics().values());
}

class OnePrimitiveTest : public ::testing::TestWithParam<std::tuple<Variant, bool>> {};

TEST_P(OnePrimitiveTest, EqualsSacBitForBit) {
  const auto& [variant, tune_alpha] = GetParam();
  SacOptions options = TestSacOptions();
  options.batch_size = 32;
  options.critic_hidden = {32, 32};
  options.tune_alpha = tune_alpha;
  options.target_entropy = -kActions;
  options.quantiles = variant.quantiles;
  options.dropped_quantiles = 1;
  options.quantile_critics = 2;
  options.critic_norm = variant.critic_norm;
  const auto sac = Train(options, MakeSpec(HeadType::kGaussian));
  options.primitive_backprop = variant.backprop;
  options.router_detached = variant.router_detached;
  options.router_loss = variant.router_loss;
  options.target = variant.target;
  options.estimator = variant.estimator;
  options.reinforce_baseline = variant.baseline;
  options.tie = {.mean = 0.3, .log_std = 0.3};  // nothing is tied to one primitive
  const auto pmoe = Train(options, MakeSpec(HeadType::kMixture, variant.router_reads_obs));
  ExpectSameBits(&sac->update(), &pmoe->update());
}

INSTANTIATE_TEST_SUITE_P(
    Variants, OnePrimitiveTest,
    ::testing::Combine(
        ::testing::Values(
            Variant{"max"}, Variant{"all", PrimitiveBackprop::kAll},
            Variant{"router_on_obs", PrimitiveBackprop::kMax, true},
            Variant{"router_in_trunk", PrimitiveBackprop::kMax, false, false},
            Variant{"cross_entropy", PrimitiveBackprop::kMax, false, false,
                    RouterLoss::kCrossEntropy},
            Variant{"expected_target", PrimitiveBackprop::kAll, false, true, RouterLoss::kNone,
                    TargetOver::kExpected},
            Variant{.name = "quantiles", .quantiles = 5},
            Variant{.name = "quantiles_expected_target",
                    .backprop = PrimitiveBackprop::kAll,
                    .router_detached = false,
                    .target = TargetOver::kExpected,
                    .quantiles = 5},
            Variant{.name = "layer_norm", .critic_norm = CriticNorm::kLayer},
            Variant{.name = "quantiles_layer_norm_reinforce",
                    .router_detached = false,
                    .estimator = Estimator::kReinforce,
                    .quantiles = 5,
                    .critic_norm = CriticNorm::kLayer},
            Variant{.name = "gumbel", .router_detached = false, .estimator = Estimator::kGumbel},
            Variant{
                .name = "reinforce", .router_detached = false, .estimator = Estimator::kReinforce},
            Variant{.name = "reinforce_baseline",
                    .router_detached = false,
                    .estimator = Estimator::kReinforce,
                    .baseline = Baseline::kExpected}),
        ::testing::Bool()),
    [](const auto& info) {
      return std::string(std::get<0>(info.param).name) +
             (std::get<1>(info.param) ? "_tuned_alpha" : "_fixed_alpha");
    });

// Its density goes through (u - mean) / std, where SAC's uses the noise itself.
TEST(OnePrimitiveTest, UnderMrpEqualsSacUpToRounding) {
  SacOptions options = TestSacOptions();
  options.batch_size = 32;
  options.critic_hidden = {32, 32};
  const auto sac = Train(options, MakeSpec(HeadType::kGaussian));
  options.estimator = Estimator::kMarginal;
  options.entropy = EntropyOf::kMixture;
  options.target = TargetOver::kExpected;
  options.router_detached = false;
  const auto mrp = Train(options, MakeSpec(HeadType::kMixture));
  ExpectClose(&mrp->update(), &sac->update());
}

// The logarithm of the exponential of the one log-std.
TEST(OnePrimitiveTest, UnderGatingEqualsSacUpToRounding) {
  SacOptions options = TestSacOptions();
  options.batch_size = 32;
  options.critic_hidden = {32, 32};
  const auto sac = Train(options, MakeSpec(HeadType::kGaussian));
  options.router_detached = false;
  for (const bool squared : {false, true}) {
    PolicySpec spec = MakeSpec(HeadType::kGating);
    spec.gating_squared = squared;
    const auto gating = Train(options, spec);
    ExpectClose(&gating->update(), &sac->update());
  }
}

TEST(OnePrimitiveTest, ASecondPrimitiveChangesTheBits) {
  SacOptions options = TestSacOptions();
  options.batch_size = 32;
  options.critic_hidden = {32, 32};
  const PolicySpec one = MakeSpec(HeadType::kMixture);
  PolicyOptions two = BoxOptions(kObs, kActions);
  two.hidden = {32, 32};
  two.primitives = 2;
  two.head = HeadType::kMixture;
  const auto a = Train(options, one), b = Train(options, MakePolicySpec(two));
  EXPECT_FALSE(BitwiseEqual(a->update().critics().values(), b->update().critics().values()));
}

}  // namespace
}  // namespace pmoe
