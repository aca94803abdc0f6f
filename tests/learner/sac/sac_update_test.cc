// The options of the critic target and the motion of the targets, against sums written out here.
// M members, B batch, K primitives, A action_dim.
#include "learner/sac/sac_update.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ATen/ops/full.h"
#include "ATen/ops/stack.h"
#include "ATen/ops/zeros.h"
#include "c10/core/GradMode.h"
#include "learner/losses.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

using at::Tensor;

constexpr int kObs = 3, kActions = 2, kBatch = 8, kPrimitives = 3;
constexpr double kHigh = 0.4;  // bounds of the action: +-0.4

PolicySpec MakeSpec() {
  PolicyOptions options = BoxOptions(kObs, kActions, kHigh);
  options.primitives = kPrimitives;
  options.hidden = {16, 16};
  options.head = HeadType::kMixture;
  return MakePolicySpec(options);
}

SacOptions SmallOptions() {
  SacOptions options = TestSacOptions();
  options.batch_size = kBatch;
  options.critic_hidden = {16, 16};
  return options;
}

struct Inputs {
  explicit Inputs(uint32_t stream) {
    Rng rng(4, RngRole::kReplay, stream);
    batch.obs = NormalTensor({1, kBatch, kObs}, &rng);
    batch.action = UniformTensor({1, kBatch, kActions}, &rng) * 2.0 - 1.0;
    batch.reward = NormalTensor({1, kBatch}, &rng);
    batch.discount = UniformTensor({1, kBatch}, &rng);
    batch.next_obs = NormalTensor({1, kBatch, kObs}, &rng);
    noise.next_eps = NormalTensor({1, kBatch, kPrimitives, kActions}, &rng);
    noise.next_primitive = UniformTensor({1, kBatch}, &rng);
    noise.policy.eps = NormalTensor({1, kBatch, kPrimitives, kActions}, &rng);
  }
  SacBatch batch;
  SacNoise noise;
};

FlatParameters Copy(const FlatParameters& from, const std::vector<DenseLayer>& layers, int copies) {
  FlatParameters to(layers, 1, copies, at::kCPU);
  to.values().copy_(from.values());
  return to;
}

// What the next critic step will regress on, from parameters before it.
struct Expectation {
  explicit Expectation(SacUpdate* update)
      : actor(Copy(update->actor(), MakeSpec().layers, 1)),
        critics(Copy(update->critics(), Layers(), 2)),
        targets(Copy(update->targets(), Layers(), 2)),
        policy(update->policy_net()) {}

  static std::vector<DenseLayer> Layers() { return CriticLayers(kObs, kActions, {16, 16}); }
  static Tensor MinQ(const FlatParameters& parameters, const Tensor& obs, const Tensor& action) {
    return CriticNet(Layers()).Forward(parameters, obs, action, false).amin(1);  // [M, B, S]
  }

  // Per primitive: min target-Q - alpha (log pi_k - log_scale), [M, B, K]; and w.
  void SoftValues(const Inputs& in, double log_scale, Tensor* values, Tensor* w) const {
    const MixtureHeads heads = policy.Forward(actor, in.batch.next_obs, false);
    const PrimitiveActions actions = SamplePrimitives(heads, in.noise.next_eps);
    *values =
        MinQ(targets, in.batch.next_obs, actions.action) - 0.2 * (actions.log_prob - log_scale);
    *w = heads.RouterWeights();
  }
  double CriticLossFor(const Inputs& in, const Tensor& next_value) const {
    const Tensor y = in.batch.reward + in.batch.discount * next_value;
    const Tensor q =
        CriticNet(Layers()).Forward(critics, in.batch.obs, in.batch.action.unsqueeze(2), false);
    return (q.squeeze(3) - y.unsqueeze(1)).square().mean(2).sum().item<double>();
  }

  FlatParameters actor, critics, targets;
  PolicyNet policy;
};

double StepCriticLoss(SacUpdate* update, const Inputs& in) {
  return update->Step(in.batch, in.noise)[0].item<double>();
}

TEST(SacUpdateTest, TheTargetDrawsOnePrimitiveByItsRouterWeight) {
  SacUpdate update(SmallOptions(), MakeSpec(), at::kCPU);
  const Expectation expectation(&update);
  const Inputs in(0);
  Tensor values, w;
  expectation.SoftValues(in, 0.0, &values, &w);
  Tensor chosen = at::zeros({1, kBatch}, at::kFloat);
  for (int b = 0; b < kBatch; ++b) {
    double rest = in.noise.next_primitive[0][b].item<double>();
    int k = 0;
    for (; k < kPrimitives - 1 && rest >= w[0][b][k].item<double>(); ++k) {
      rest -= w[0][b][k].item<double>();
    }
    chosen[0][b] = values[0][b][k];
  }
  EXPECT_NEAR(StepCriticLoss(&update, in), expectation.CriticLossFor(in, chosen), 1e-5);
}

TEST(SacUpdateTest, TheExpectedTargetWeighsEveryPrimitive) {
  SacOptions options = SmallOptions();
  options.target = TargetOver::kExpected;
  SacUpdate update(options, MakeSpec(), at::kCPU);
  const Expectation expectation(&update);
  const Inputs in(0);
  Tensor values, w;
  expectation.SoftValues(in, 0.0, &values, &w);
  const double expected = expectation.CriticLossFor(in, (w * values).sum(2));
  EXPECT_NEAR(StepCriticLoss(&update, in), expected, 1e-5);
}

TEST(SacUpdateTest, TheActionScaleEntersTheTarget) {
  SacOptions options = SmallOptions();
  options.target = TargetOver::kExpected;
  options.logprob_action_scale = true;
  SacUpdate update(options, MakeSpec(), at::kCPU);
  const Expectation expectation(&update);
  const Inputs in(0);
  Tensor values, w;
  // Density per unit of the environment's action: log pi - sum_j log((high - low) / 2).
  expectation.SoftValues(in, kActions * std::log(kHigh), &values, &w);
  const double expected = expectation.CriticLossFor(in, (w * values).sum(2));
  EXPECT_NEAR(StepCriticLoss(&update, in), expected, 1e-5);
}

TEST(SacUpdateTest, TheTargetPolicyLagsBehindTheActor) {
  SacOptions options = SmallOptions();
  options.target = TargetOver::kExpected;
  options.target_policy = true;
  options.actor_lr = 0.1;  // the actor moves far in one step
  SacUpdate update(options, MakeSpec(), at::kCPU);
  const Expectation before(&update);
  StepCriticLoss(&update, Inputs(0));
  Expectation now(&update);
  const double moved = MaxAbs(now.actor.values() - before.actor.values());
  EXPECT_GT(moved, 0.05);
  now.actor.values().copy_(0.995 * before.actor.values() + 0.005 * update.actor().values());
  const Inputs in(1);
  Tensor values, w;
  now.SoftValues(in, 0.0, &values, &w);
  const double expected = now.CriticLossFor(in, (w * values).sum(2));
  EXPECT_NEAR(StepCriticLoss(&update, in), expected, 1e-5);
}

TEST(SacUpdateTest, TheTargetsMoveByTauTowardsTheCritics) {
  SacUpdate update(SmallOptions(), MakeSpec(), at::kCPU);
  EXPECT_TRUE(BitwiseEqual(update.targets().values(), update.critics().values()));
  Tensor expected = update.targets().values().to(at::kDouble).clone();
  for (uint32_t step = 0; step < 5; ++step) {
    StepCriticLoss(&update, Inputs(step));
    expected = 0.995 * expected + 0.005 * update.critics().values().to(at::kDouble);
  }
  EXPECT_LT(MaxAbs(update.targets().values() - expected), 1e-6);
  EXPECT_GT(MaxAbs(update.targets().values() - update.critics().values()), 1e-3);
}

TEST(SacUpdateTest, LeavesNoGradientBehind) {
  SacUpdate update(SmallOptions(), MakeSpec(), at::kCPU);
  StepCriticLoss(&update, Inputs(0));
  EXPECT_EQ(MaxAbs(update.actor().gradient()), 0.0);
  EXPECT_EQ(MaxAbs(update.critics().gradient()), 0.0);
}

// What the router's layer alone can change without touching the trunk.
TEST(SacUpdateTest, ADetachedRouterMovesNothingBeforeIt) {
  SacOptions options = SmallOptions();
  SacUpdate with(options, MakeSpec(), at::kCPU);
  options.freq_coef = 0.0;
  SacUpdate without(options, MakeSpec(), at::kCPU);
  options.freq_coef = 1.0;
  options.router_detached = false;
  SacUpdate through_trunk(options, MakeSpec(), at::kCPU);
  for (SacUpdate* update : {&with, &without, &through_trunk}) StepCriticLoss(update, Inputs(0));
  for (int layer = 0; layer < 4; ++layer) {  // trunk0, trunk1, mean, log_std
    EXPECT_TRUE(
        BitwiseEqual(with.actor().Frozen(layer).weight, without.actor().Frozen(layer).weight));
  }
  EXPECT_FALSE(BitwiseEqual(with.actor().Frozen(4).weight, without.actor().Frozen(4).weight));
  EXPECT_FALSE(BitwiseEqual(with.actor().Frozen(1).weight, through_trunk.actor().Frozen(1).weight));
}

// A member of a population trains as it would alone.
TEST(SacUpdateTest, AMemberTrainsAsIfAlone) {
  SacOptions options = SmallOptions();
  SacUpdate alone(options, MakeSpec(), at::kCPU);
  options.members = 2;
  SacUpdate pair(options, MakeSpec(), at::kCPU);
  for (uint32_t step = 0; step < 3; ++step) {
    Inputs in(step);
    alone.Step(in.batch, in.noise);
    for (Tensor* x :
         {&in.batch.obs, &in.batch.action, &in.batch.reward, &in.batch.discount, &in.batch.next_obs,
          &in.noise.next_eps, &in.noise.next_primitive, &in.noise.policy.eps}) {
      std::vector<int64_t> shape = x->sizes().vec();
      shape[0] = 2;
      *x = x->expand(shape).contiguous();
    }
    pair.Step(in.batch, in.noise);
  }
  for (int layer = 0; layer < alone.actor().layers(); ++layer) {
    const Tensor difference =
        pair.actor().Frozen(layer).weight.narrow(0, 0, 1) - alone.actor().Frozen(layer).weight;
    EXPECT_LT(MaxAbs(difference), 1e-5);
  }
}

}  // namespace
}  // namespace pmoe
