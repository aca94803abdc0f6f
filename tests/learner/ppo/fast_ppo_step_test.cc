// The hand-derived step against autograd's (PpoUpdate::Step) on PMOE_TEST_DEVICE, over algorithms
// and options; that autograd's never reads from a device is tested on "meta". B rows, K primitives,
// O obs_dim, A action_dim.
#include "learner/ppo/fast_ppo_step.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "ATen/ops/stack.h"
#include "learner/ppo/ppo_nets.h"
#include "tests/learner/meta_device.h"
#include "tests/learner/ppo/fast_ppo_testing.h"
#include "tests/learner/test_device.h"

namespace pmoe {
namespace {

constexpr int kSteps = 5;

void Trunk(PolicyOptions* policy) { policy->router_reads_obs = false; }
void StateStd(PolicyOptions* policy) { policy->std_is_parameter = false; }

// Together, every option of learner/ppo/ppo_options.h that a minibatch's step reads.
using O = PpoOptions;
std::vector<StepCase> GaussianCases() {
  return {
      {"value_clip", HeadType::kGaussian, 1, [](O* o) { o->value_clip = true; }},
      {"entropy", HeadType::kGaussian, 1, [](O* o) { o->entropy_coef = 0.02; }},
      {"no_limit", HeadType::kGaussian, 1, [](O* o) { o->grad_norm_max = 0.0; }},
      {"linear", HeadType::kGaussian, 1, [](O* o) { o->linear_schedule = true; }},
      {"advantage_as_it_is", HeadType::kGaussian, 1,
       [](O* o) { o->advantage_norm = AdvantageNorm::kNone; }},
      {"value_on_trunk", HeadType::kGaussian, 1, [](O* o) { o->value_net = ValueNet::kTrunk; }},
      {"value_on_relu_trunk", HeadType::kGaussian, 1, [](O* o) { o->value_net = ValueNet::kTrunk; },
       [](PolicyOptions* p) { p->activation = Activation::kRelu; }},
      {"value_without_trunk", HeadType::kGaussian, 1, [](O* o) { o->value_net = ValueNet::kTrunk; },
       [](PolicyOptions* p) { p->hidden.clear(); }},
      {"state_std", HeadType::kGaussian, 1, [](O*) {}, StateStd},
      {"clamped_std", HeadType::kGaussian, 1, [](O* o) { o->log_std_init = 2.0; }},
      {"tanh_mean", HeadType::kGaussian, 1, [](O*) {},
       [](PolicyOptions* p) { p->mean_activation = Activation::kTanh; }},
  };
}

StepCase Mixture(const char* name, std::function<void(PpoOptions*)> options,
                 std::function<void(PolicyOptions*)> policy = Trunk) {
  return {name, HeadType::kMixture, 4, std::move(options), std::move(policy)};
}

std::vector<StepCase> MixtureCases() {
  return {
      Mixture("surrogate", [](O* o) { o->frequency_loss = false; }),
      Mixture("joint", [](O* o) { o->ratio = RatioOf::kJoint; }),
      Mixture("component", [](O* o) { o->ratio = RatioOf::kComponent; }),
      Mixture("gumbel", [](O* o) { o->ratio = RatioOf::kGumbel; }),
      Mixture("cool_gumbel",
              [](O* o) {
                o->ratio = RatioOf::kGumbel;
                o->frequency_loss = false;
                o->gumbel_tau = 0.7;
                o->gumbel_tau_end = 0.2;
              }),
      Mixture("gumbel_freq",
              [](O* o) {
                o->ratio = RatioOf::kGumbel;
                o->router_grad = RouterGrad::kFrequency;
              }),
      Mixture("freq", [](O* o) { o->router_grad = RouterGrad::kFrequency; }),
      Mixture("joint_freq",
              [](O* o) {
                o->ratio = RatioOf::kJoint;
                o->router_grad = RouterGrad::kFrequency;
              }),
      Mixture("joint_surrogate",
              [](O* o) {
                o->ratio = RatioOf::kJoint;
                o->frequency_loss = false;
              }),
      Mixture("cross_entropy", [](O* o) { o->freq_cross_entropy = true; }),
      Mixture("mean_over_primitives", [](O* o) { o->freq_mean = true; }),
      Mixture("qnet_on_trunk", [](O* o) { o->qnet_reads_trunk = true; }),
      Mixture("both_on_trunk",
              [](O* o) {
                o->qnet_reads_trunk = true;
                o->value_net = ValueNet::kTrunk;
              }),
      Mixture("entropy_of_mixture", [](O* o) { o->entropy_coef = 0.02; }),
      Mixture("freq_with_entropy",
              [](O* o) {
                o->entropy_coef = 0.02;
                o->router_grad = RouterGrad::kFrequency;
              }),
      Mixture("router_detached", [](O* o) { o->router_detached = true; }),
      Mixture(
          "mixture_of_state_stds", [](O* o) { o->value_clip = true; },
          [](PolicyOptions* p) {
            StateStd(p);
            Trunk(p);
          }),
      Mixture(
          "own_layers", [](O*) {},
          [](PolicyOptions* p) {
            p->primitive_hidden = {6};
            p->router_hidden = {7};
          }),
  };
}

void Tied(O* o) { o->tie = {.mean = 0.3, .log_std = 0.3}; }

std::vector<StepCase> RankingCases() {
  return {
      Mixture("arm_q", [](O* o) { o->rank_by = RankBy::kArmQ; }),
      Mixture("arm_q_on_trunk",
              [](O* o) {
                o->rank_by = RankBy::kArmQ;
                o->qnet_reads_trunk = true;
              }),
      Mixture("arm_q_softmax",
              [](O* o) {
                o->rank_by = RankBy::kArmQ;
                o->router_target = RouterTarget::kSoftmax;
              }),
      Mixture("action_q_softmax",
              [](O* o) {
                o->router_target = RouterTarget::kSoftmax;
                o->freq_cross_entropy = true;
              }),
      Mixture("advantage", [](O* o) { o->rank_by = RankBy::kAdvantage; }),
      Mixture("advantage_cross_entropy",
              [](O* o) {
                o->rank_by = RankBy::kAdvantage;
                o->freq_cross_entropy = true;
                o->router_grad = RouterGrad::kFrequency;
              }),
      Mixture("entropy_floor", [](O* o) { o->router_entropy_min = 0.99; }),
      Mixture("tied", Tied),
      Mixture("tied_states", Tied,
              [](PolicyOptions* p) {
                StateStd(p);
                Trunk(p);
              }),
      Mixture("one_log_std", [](O* o) { o->tie.log_std = 0.0; }),
      Mixture("tied_one_log_std",
              [](O* o) { o->tie = {.mean = 2.0, .log_std = 0.0, .init = 0.1}; }),
      {"tied_gating", HeadType::kGating, 3, Tied, Trunk},
      {"tied_mcp", HeadType::kMcp, 3, Tied, StateStd},
  };
}

std::vector<StepCase> ComposedCases() {
  return {
      {"gating", HeadType::kGating, 3, [](O* o) { o->entropy_coef = 0.02; }, Trunk},
      {"gating_squared", HeadType::kGating, 3, [](O*) {},
       [](PolicyOptions* p) { p->gating_squared = true; }},
      {"mcp", HeadType::kMcp, 3, [](O* o) { o->entropy_coef = 0.02; }, StateStd},
      {"mcp_own_layers", HeadType::kMcp, 3, [](O*) {},
       [](PolicyOptions* p) {
         StateStd(p);
         p->primitive_hidden = {6};
         p->router_hidden = {7};
       }},
  };
}

std::vector<StepCase> AllCases() {
  std::vector<StepCase> all = GaussianCases();
  for (const auto& cases : {MixtureCases(), RankingCases(), ComposedCases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  all.push_back({"gaussian"});
  for (const int k : {1, 2, 4, 10}) {
    all.push_back({"mixture_k" + std::to_string(k), HeadType::kMixture, k});
  }
  return all;
}

// Largest difference over the largest number.
double Apart(const at::Tensor& a, const at::Tensor& b_there) {
  const at::Tensor b = b_there.cpu();
  return MaxAbs(a - b) / std::max(MaxAbs(b), 1e-30);
}

// Both editions on the same rows, again and again; their difference must stay below `tolerance`.
template <typename T>
void ExpectTheSameSteps(const StepCase& c, at::ScalarType type, double tolerance) {
  const PpoOptions options = StepOptions(c);
  const PolicySpec spec = StepPolicy(c);
  PpoUpdate oracle(options, spec, TestDevice(), type);
  PpoState state(options, spec, at::kCPU, type);
  FastPpoStep<T> fast(options, spec, &state);
  Rng noise(1, RngRole::kLearnerRouter, 0), other_noise = noise;
  std::vector<int64_t> order(kStepRows);
  std::iota(order.begin(), order.end(), 0);
  std::vector<int> component;
  for (uint32_t i = 0; i < kSteps; ++i) {
    const PpoBatch there = RandomBatch(oracle, c.primitives, i), batch = OnHost(there);
    std::vector<double> losses(kPpoLosses, 0.0),
        mixture(PpoStatNames(c.primitives).size() - kPpoLosses - 2, 0.0);
    const double progress = 0.1 * i;
    const PpoUpdate::StepStats expected = oracle.Step(there, progress, /*last_epoch=*/true, &noise);
    fast.Step(RowsOfBatch<T>(batch, &component), order.data(),
              {progress, /*last_epoch=*/true, &other_noise}, losses.data(), mixture.data());
    for (size_t j = 0; j < losses.size(); ++j) {
      const double want = expected.losses[static_cast<int64_t>(j)].template item<double>();
      EXPECT_NEAR(losses[j], want, tolerance * std::max(1.0, std::abs(want))) << "loss " << j;
    }
    for (size_t j = 0; j < mixture.size(); ++j) {
      const double want = expected.mixture[static_cast<int64_t>(j)].template item<double>();
      ASSERT_EQ(std::isnan(mixture[j]), std::isnan(want)) << "statistic " << j;
      if (std::isnan(want)) continue;
      EXPECT_NEAR(mixture[j], want, tolerance * std::max(1.0, std::abs(want))) << "statistic " << j;
    }
  }
  PpoState& trained = oracle.state();
  EXPECT_LT(Apart(state.nets().policy().values(), trained.nets().policy().values()), tolerance);
  EXPECT_LT(Apart(state.nets().value().values(), trained.nets().value().values()), tolerance);
  EXPECT_LT(
      Apart(state.nets().policy_optimizer().first(), trained.nets().policy_optimizer().first()),
      tolerance);
  EXPECT_LT(Apart(state.nets().value_optimizer().first(), trained.nets().value_optimizer().first()),
            tolerance);
  if (!state.has_qnet()) return;
  EXPECT_LT(Apart(state.qnet().values(), trained.qnet().values()), tolerance);
  EXPECT_LT(Apart(state.qnet_optimizer().first(), trained.qnet_optimizer().first()), tolerance);
}

class FastPpoStepTest : public ::testing::TestWithParam<StepCase> {};

TEST_P(FastPpoStepTest, IsAutogradsInDouble) {
  ExpectTheSameSteps<double>(GetParam(), at::kDouble, 1e-9);
}

TEST_P(FastPpoStepTest, IsAutogradsInFloat) {
  ExpectTheSameSteps<float>(GetParam(), at::kFloat, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Cases, FastPpoStepTest, ::testing::ValuesIn(AllCases()),
                         [](const auto& info) { return info.param.name; });

// See meta_device.h.
class PpoOnMetaTest : public ::testing::TestWithParam<StepCase> {};

TEST_P(PpoOnMetaTest, AStepReadsNothingFromTheDevice) {
  const StepCase& c = GetParam();
  PpoUpdate update(StepOptions(c), StepPolicy(c), MetaDevice());
  const PpoBatch batch = RandomBatch(update, c.primitives, 0);
  Rng noise(1, RngRole::kLearnerRouter, 0);
  for (int step = 0; step < 2; ++step) {
    const PpoUpdate::StepStats stats = update.Step(batch, 0.5, /*last_epoch=*/true, &noise);
    EXPECT_TRUE(stats.losses.is_meta());
    EXPECT_EQ(stats.losses.numel(), kPpoLosses);
    EXPECT_TRUE(stats.mixture.is_meta());
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, PpoOnMetaTest, ::testing::ValuesIn(AllCases()),
                         [](const auto& info) { return info.param.name; });
// Of the options that only autograd knows.
INSTANTIATE_TEST_SUITE_P(Momentum, PpoOnMetaTest,
                         ::testing::Values(StepCase{"momentum", HeadType::kMixture, 4,
                                                    [](PpoOptions* o) { o->sgd = true; }}));

// What a GPU does about a gradient that is too long is what a CPU does.
TEST(GradientClipTest, OnADeviceIsTheOneOfTheHost) {
  PpoOptions options = TestPpoOptions();
  Rng rng(6, RngRole::kLearner, 0);
  for (const double longest : {0.0, 0.5, 1e3}) {
    options.grad_norm_max = longest;
    at::Tensor a = NormalTensor({7}, &rng).to(at::kDouble),
               b = NormalTensor({5}, &rng).to(at::kDouble);
    const at::Tensor before = a.clone();
    const ClippedGradient wanted = ClipGradient(options, {&a, &b});
    const at::Tensor squares = a.square().sum() + b.square().sum();
    const at::Tensor norm = ShortenInPlace(options, squares, {&a, &b});
    EXPECT_LT(Apart(norm, wanted.norm), 1e-12);
    EXPECT_LT(Apart(a, before * wanted.scale), 1e-12);
  }
}

}  // namespace
}  // namespace pmoe
