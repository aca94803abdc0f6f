// PPO and PMOE-PPO on rollouts made up here. N rows, K primitives, O obs_dim, A action_dim.
#include "learner/ppo/ppo_update.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <tuple>

#include "c10/core/GradMode.h"
#include "c10/util/Exception.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/learner/meta_device.h"
#include "tests/learner/ppo/ppo_training.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

struct RatioCase {
  const char* name;
  HeadType head;
  int primitives;
  RatioOf ratio;
  bool frequency_loss = false;
};

class FirstMinibatchTest : public ::testing::TestWithParam<RatioCase> {};

TEST_P(FirstMinibatchTest, HasARatioOfOneAndClipsNothing) {
  const RatioCase& c = GetParam();
  PpoOptions options = SmallOptions();
  options.ratio = c.ratio;
  options.frequency_loss = c.frequency_loss;
  options.epochs = 1;
  options.batch_size = kRows;
  Training training(options, c.head, c.primitives);
  const LearnedRollout learned = training.Learn(training.Play(1));
  EXPECT_EQ(learned.updates, 1);
  EXPECT_NEAR(training.Stat(learned, "approx_kl"), 0.0, 1e-7);
  EXPECT_EQ(training.Stat(learned, "clip_fraction"), 0.0);
  // The surrogate is then the mean of standardised advantages.
  EXPECT_NEAR(training.Stat(learned, "actor_loss"), 0.0, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(
    Ratios, FirstMinibatchTest,
    ::testing::Values(RatioCase{"gaussian", HeadType::kGaussian, 1, RatioOf::kDensity},
                      RatioCase{"gating", HeadType::kGating, 3, RatioOf::kDensity},
                      RatioCase{"mcp", HeadType::kMcp, 3, RatioOf::kDensity},
                      RatioCase{"mixture", HeadType::kMixture, 3, RatioOf::kDensity, true},
                      RatioCase{"joint", HeadType::kMixture, 3, RatioOf::kJoint},
                      RatioCase{"component", HeadType::kMixture, 3, RatioOf::kComponent, true},
                      RatioCase{"gumbel", HeadType::kMixture, 3, RatioOf::kGumbel}),
    [](const auto& info) { return info.param.name; });

// Trains a Gaussian and a head of one primitive on the same rollouts.
void TrainBoth(Training* ppo, Training* other, int rollouts) {
  for (uint32_t i = 0; i < static_cast<uint32_t>(rollouts); ++i) {
    const Rollout rollout = ppo->Play(i);
    Rollout same = rollout;
    same.spec.extra_dim = static_cast<int>(other->update.policy_net().spec().columns.size());
    same.extra.assign(static_cast<size_t>(kRows * same.spec.extra_dim), 0.0f);
    ppo->Learn(rollout);
    other->Learn(same);
  }
}

constexpr const char* kShared[] = {"trunk0", "trunk1", "mean", "log_std"};

// (ratio, width of the trunk, what ranks)
class OnePrimitivePpoTest : public ::testing::TestWithParam<std::tuple<RatioOf, int, RankBy>> {};

// With its Q-network, whose gradient is clipped on its own; nothing is tied to one primitive, and
// one primitive's router has no entropy to lack.
TEST_P(OnePrimitivePpoTest, PmoeEqualsPpoBitForBit) {
  const auto [ratio, width, rank_by] = GetParam();
  PpoOptions options = SmallOptions();
  Training ppo(options, HeadType::kGaussian, 1, width);
  options.ratio = ratio;
  options.rank_by = rank_by;
  options.tie = {.mean = 0.3, .log_std = 0.0};
  options.router_entropy_min = 0.5;
  options.frequency_loss = true;
  Training pmoe(options, HeadType::kMixture, 1, width);
  TrainBoth(&ppo, &pmoe, 3);
  for (const char* layer : kShared) {
    EXPECT_TRUE(BitwiseEqual(ppo.Layer(layer).weight, pmoe.Layer(layer).weight)) << layer;
    EXPECT_TRUE(BitwiseEqual(ppo.Layer(layer).bias, pmoe.Layer(layer).bias)) << layer;
  }
  EXPECT_TRUE(BitwiseEqual(ppo.update.value().values(), pmoe.update.value().values()));
}

INSTANTIATE_TEST_SUITE_P(
    Ratios, OnePrimitivePpoTest,
    ::testing::Combine(::testing::Values(RatioOf::kDensity, RatioOf::kJoint, RatioOf::kComponent,
                                         RatioOf::kGumbel),
                       ::testing::Values(16, 64, 256),
                       ::testing::Values(RankBy::kActionQ, RankBy::kArmQ, RankBy::kAdvantage)));

// K primitives that begin equal and have nothing of their own are one Gaussian, whatever K: Adam
// and the norm that gradients are cut to see one head.
TEST(TiedHeadsPpoTest, WithoutResidualsEqualPpoUpToRounding) {
  PpoOptions options = SmallOptions();
  options.grad_norm_max = 0.0;  // the router's loss is part of the norm
  Training ppo(options, HeadType::kGaussian, 1);
  options.tie = {.mean = 0.0, .log_std = 0.0};
  options.frequency_loss = true;
  options.router_detached = true;  // its loss is its own
  Training tied(options, HeadType::kMixture, 3);
  const int actions = static_cast<int>(ppo.Layer("mean").bias.numel());
  const auto first = [&](const at::Tensor& x) { return x.narrow(-1, 0, actions); };
  {
    const c10::AutoGradMode no_grad(false);
    for (const char* const layer : {"mean", "log_std"}) {  // S is drawn from a stream of its own
      ppo.Layer(layer).bias.copy_(first(tied.Layer(layer).bias));
      if (ppo.Layer(layer).weight.numel() > 0) {
        ppo.Layer(layer).weight.copy_(first(tied.Layer(layer).weight));
      }
    }
  }
  TrainBoth(&ppo, &tied, 3);
  for (const char* layer : kShared) {
    const at::Tensor& bias = ppo.Layer(layer).bias;
    EXPECT_LT(MaxAbs(bias - tied.Layer(layer).bias.narrow(-1, 0, bias.size(-1))), 1e-4) << layer;
  }
  const at::Tensor mean = tied.Layer("mean").weight;
  EXPECT_LT(MaxAbs(ppo.Layer("mean").weight - first(mean)), 1e-4);
  EXPECT_TRUE(
      BitwiseEqual(first(mean).contiguous(), mean.narrow(-1, actions, actions).contiguous()));
}

TEST(OnePrimitivePpoTest, GatingEqualsPpoUpToRounding) {
  const PpoOptions options = SmallOptions();
  Training ppo(options, HeadType::kGaussian, 1), gating(options, HeadType::kGating, 1);
  TrainBoth(&ppo, &gating, 3);
  for (const char* layer : kShared) {
    EXPECT_LT(MaxAbs(ppo.Layer(layer).bias - gating.Layer(layer).bias), 1e-5) << layer;
    if (ppo.Layer(layer).weight.numel() == 0) continue;
    EXPECT_LT(MaxAbs(ppo.Layer(layer).weight - gating.Layer(layer).weight), 1e-5) << layer;
  }
  EXPECT_LT(MaxAbs(ppo.update.value().values() - gating.update.value().values()), 1e-5);
}

// Whatever it learns on the shared trunk, at whatever speed.
TEST(PmoePpoTest, TheQNetworksGradientDoesNotReachThePolicy) {
  PpoOptions options = SmallOptions();
  options.frequency_loss = true;
  options.freq_coef = 0.0;
  options.qnet_reads_trunk = true;
  Training slow(options, HeadType::kMixture, 3);
  options.qnet_learning_rate = 1e-1;
  Training fast(options, HeadType::kMixture, 3);
  const Rollout rollout = slow.Play(1);
  const LearnedRollout of_slow = slow.Learn(rollout), of_fast = fast.Learn(rollout);
  EXPECT_NE(slow.Stat(of_slow, "qnet_loss"), fast.Stat(of_fast, "qnet_loss"));
  EXPECT_TRUE(BitwiseEqual(slow.update.policy().values(), fast.update.policy().values()));
  EXPECT_TRUE(BitwiseEqual(slow.update.value().values(), fast.update.value().values()));
}

TEST(PmoePpoTest, TheQNetworkLearnsTheReturns) {
  PpoOptions options = SmallOptions();
  options.frequency_loss = true;
  options.learning_rate = 1e-12;  // the same policy and value, hence the same returns
  options.qnet_learning_rate = 1e-2;
  Training training(options, HeadType::kMixture, 3);
  const Rollout rollout = training.Play(1);
  const double first = training.Stat(training.Learn(rollout), "qnet_loss");
  double last = first;
  for (int i = 0; i < 20; ++i) last = training.Stat(training.Learn(rollout), "qnet_loss");
  EXPECT_LT(last, 0.5 * first);
}

class RouterGradTest : public ::testing::TestWithParam<RatioOf> {};

TEST_P(RouterGradTest, FrequencyStopsTheSurrogateAtTheRouter) {
  PpoOptions options = SmallOptions();
  options.ratio = GetParam();
  options.frequency_loss = true;
  options.freq_coef = 0.0;
  Training both(options, HeadType::kMixture, 3);
  options.router_grad = RouterGrad::kFrequency;
  Training frequency(options, HeadType::kMixture, 3);
  const Rollout rollout = both.Play(1);
  const at::Tensor weight = both.Layer("router").weight.clone();
  const at::Tensor bias = both.Layer("router").bias.clone();
  both.Learn(rollout);
  frequency.Learn(rollout);
  EXPECT_FALSE(BitwiseEqual(both.Layer("router").weight, weight));
  EXPECT_TRUE(BitwiseEqual(frequency.Layer("router").weight, weight));
  EXPECT_TRUE(BitwiseEqual(frequency.Layer("router").bias, bias));
  EXPECT_FALSE(BitwiseEqual(frequency.Layer("mean").weight, both.Layer("mean").weight));
}

INSTANTIATE_TEST_SUITE_P(Ratios, RouterGradTest,
                         ::testing::Values(RatioOf::kDensity, RatioOf::kJoint));

std::string State(const PpoUpdate& update) {
  ByteWriter out;
  update.SaveState(&out);
  return out.Take();
}

std::string Bytes(const std::vector<double>& x) {
  return {reinterpret_cast<const char*>(x.data()), x.size() * sizeof(double)};
}

class PpoStateTest : public ::testing::TestWithParam<bool> {};

TEST_P(PpoStateTest, AnInterruptedTrainingContinuesBitForBit) {
  PpoOptions options = SmallOptions();
  options.frequency_loss = GetParam();
  Training straight(options, HeadType::kMixture, 3), second(options, HeadType::kMixture, 3);
  straight.Learn(straight.Play(1));
  const std::string state = State(straight.update);
  ByteReader in(state);
  ASSERT_OK(second.update.LoadState(&in));
  EXPECT_EQ(State(second.update), state);
  second.shuffle = straight.shuffle;
  second.noise = straight.noise;
  const Rollout rollout = straight.Play(2);
  const LearnedRollout a = straight.Learn(rollout), b = second.Learn(rollout);
  EXPECT_EQ(State(second.update), State(straight.update));
  EXPECT_EQ(Bytes(a.stats), Bytes(b.stats));  // some are not numbers
  EXPECT_EQ(a.returns, b.returns);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutQNetwork, PpoStateTest, ::testing::Bool());

// Adam's first step is lr times the gradient's sign: half the run done, half the way.
TEST(PpoScheduleTest, TheStepSizeFallsLinearlyToZero) {
  PpoOptions options = SmallOptions();
  options.epochs = 1;
  options.batch_size = kRows;
  options.linear_schedule = true;
  Training whole(options, HeadType::kGaussian, 1), half(options, HeadType::kGaussian, 1),
      none(options, HeadType::kGaussian, 1);
  const Rollout rollout = whole.Play(1);
  const at::Tensor start = whole.update.policy().values().clone();
  const LearnedRollout learned = whole.Learn(rollout, 0.0);
  EXPECT_NEAR(whole.Stat(learned, "learning_rate"), 3e-3, 1e-9);
  EXPECT_NEAR(half.Stat(half.Learn(rollout, 0.5), "learning_rate"), 1.5e-3, 1e-9);
  none.Learn(rollout, 1.0);
  const at::Tensor moved = whole.update.policy().values() - start;
  EXPECT_GT(MaxAbs(moved), 2.9e-3);
  EXPECT_LT(MaxAbs(half.update.policy().values() - start - 0.5 * moved), 1e-6);
  EXPECT_TRUE(BitwiseEqual(none.update.policy().values(), start));
}

// Steps read nothing from a device (fast_ppo_step_test.cc, dac_update_test.cc). What is left is
// once per rollout: values come to the host, where advantages are estimated beside the actors'
// rewards, and the statistics of all minibatches in one piece.
TEST(PpoOnMetaTest, OnlyARolloutsTargetsComeToTheHost) {
  const PpoOptions options = SmallOptions();
  Training on_cpu(options, HeadType::kGaussian, 1);
  const Rollout rollout = on_cpu.Play(1);
  PreparedRollout prepared = Prepare(rollout);
  for (at::Tensor* x :
       {&prepared.obs, &prepared.action, &prepared.extra, &prepared.bootstrap_obs}) {
    *x = x->to(MetaDevice());
  }
  PpoUpdate update(options, on_cpu.update.policy_net().spec(), MetaDevice());
  EXPECT_TRUE(update.OldLogProb(prepared, {}).is_meta());
  EXPECT_TRUE(update.Values(prepared.obs).is_meta());
  EXPECT_THROW(update.Learn(prepared, 0.0, {&on_cpu.shuffle, &on_cpu.noise}),
               c10::NotImplementedError);
}

TEST(PpoUpdateTest, RecomputedAdvantagesFollowTheValueNet) {
  PpoOptions options = SmallOptions();
  Training once(options, HeadType::kGaussian, 1);
  options.recompute_advantage = true;
  Training each_epoch(options, HeadType::kGaussian, 1);
  const Rollout rollout = once.Play(1);
  const LearnedRollout a = once.Learn(rollout), b = each_epoch.Learn(rollout);
  EXPECT_EQ(a.returns, b.returns);  // those before the first step
  EXPECT_FALSE(BitwiseEqual(once.update.policy().values(), each_epoch.update.policy().values()));
}

}  // namespace
}  // namespace pmoe
