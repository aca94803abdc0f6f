// Whole rollouts by the hand-derived edition: beside autograd's, beside each other, and through
// checkpoints of either. N rows, K primitives.
#include "learner/ppo/fast_ppo_update.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "learner/ppo/ppo_update.h"
#include "learner/ppo/rollout_learner.h"
#include "tests/learner/ppo/fast_ppo_testing.h"
#include "tests/learner/ppo/rollout_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr int kRows = 8 * kStepRows;

// Options of a whole rollout, and a policy that writes the columns which they read.
struct Setting {
  explicit Setting(const StepCase& c) : options(StepOptions(c)) {
    options.rollout_steps = kRows;
    options.epochs = 3;
    options.advantage_norm = AdvantageNorm::kRollout;
    c.options(&options);
    spec = StepPolicy(c);
    spec.columns = PpoColumns(options, spec.head);
  }
  PpoOptions options;
  PolicySpec spec;
};

struct Streams {
  Rng shuffle{1, RngRole::kLearner, 0}, noise{1, RngRole::kLearnerRouter, 0};
  RolloutRngs rngs() { return {&shuffle, &noise}; }
};

// A column for the behaviour's log-probability gets numbers of its own.
Rollout Play(const Setting& setting, const FlatParameters& policy, uint32_t stream) {
  Rollout rollout = MakeRollout(PolicyNet(setting.spec, false), policy, kRows, stream);
  const size_t columns = setting.spec.columns.size();
  for (size_t i = 0; i < rollout.extra.size(); ++i) {
    if (setting.spec.columns[i % columns] == kColumnComponent) continue;
    rollout.extra[i] = -3.0f - 0.05f * static_cast<float>(i % 11);
  }
  return rollout;
}

std::string State(const RolloutUpdate& update) {
  ByteWriter out;
  update.SaveState(&out);
  return out.Take();
}

class FastPpoUpdateTest : public ::testing::TestWithParam<StepCase> {};

// 9 rollouts of 24 updates each, made by the oracle, with everything between prepared rollout and
// weights on its own.
TEST_P(FastPpoUpdateTest, StaysBesideAutogradFor200Updates) {
  Setting setting(GetParam());
  setting.options.learning_rate = setting.options.qnet_learning_rate = 3e-4;
  PpoUpdate oracle(setting.options, setting.spec, at::kCPU);
  FastPpoUpdate fast(setting.options, setting.spec);
  Streams of_oracle, of_fast;
  uint64_t updates = 0;
  for (uint32_t i = 0; updates < 200; ++i) {
    const Rollout rollout = Play(setting, oracle.policy(), i);
    PreparedRollout prepared = Prepare(rollout);
    prepared.value_unit = 1.7;
    const LearnedRollout a = oracle.Learn(prepared, 0.0, of_oracle.rngs());
    const LearnedRollout b = fast.Learn(prepared, 0.0, of_fast.rngs());
    updates += static_cast<uint64_t>(b.updates);
    ASSERT_EQ(a.updates, b.updates);
    for (size_t j = 0; j < a.returns.size(); ++j) ASSERT_NEAR(a.returns[j], b.returns[j], 2e-3);
    for (size_t j = 0; j < a.stats.size(); ++j) {
      ASSERT_EQ(std::isnan(a.stats[j]), std::isnan(b.stats[j])) << oracle.StatNames()[j];
      if (std::isnan(a.stats[j])) continue;
      EXPECT_NEAR(a.stats[j], b.stats[j], 2e-2 * (0.1 + std::abs(a.stats[j])))
          << oracle.StatNames()[j];
    }
  }
  EXPECT_LT(MaxAbs(fast.policy().values() - oracle.policy().values()), 1e-3);
  EXPECT_LT(MaxAbs(fast.state().nets().value().values() - oracle.value().values()), 1e-3);
}

// Each continues what the other saved, and saves it as it was.
TEST_P(FastPpoUpdateTest, TakesACheckpointOfAutogradAndGivesItOne) {
  const Setting setting(GetParam());
  PpoUpdate oracle(setting.options, setting.spec, at::kCPU),
      back(setting.options, setting.spec, at::kCPU);
  FastPpoUpdate fast(setting.options, setting.spec);
  Streams streams;
  const Rollout rollout = Play(setting, oracle.policy(), 1);
  oracle.Learn(Prepare(rollout), 0.0, streams.rngs());
  const std::string state = State(oracle);
  ByteReader in(state);
  ASSERT_OK(fast.LoadState(&in));
  EXPECT_EQ(State(fast), state);
  const at::Tensor obs = Prepare(rollout).obs;
  std::vector<float> values(kRows);
  fast.step().Values(obs.data_ptr<float>(), kRows, values.data());
  EXPECT_LT(MaxAbs(at::from_blob(values.data(), {1, kRows}) - oracle.Values(obs)), 1e-5);
  fast.Learn(Prepare(rollout), 0.0, streams.rngs());
  const std::string later = State(fast);
  ByteReader again(later);
  ASSERT_OK(back.LoadState(&again));
  EXPECT_EQ(State(back), later);
  EXPECT_NE(later, state);
}

// A layer that made a number of what is none would let the networks die without a word.
TEST_P(FastPpoUpdateTest, ANumberThatIsNoneStopsItWhicheverWeightItIs) {
  const Setting setting(GetParam());
  const PpoUpdate healthy(setting.options, setting.spec, at::kCPU);
  const Rollout rollout = Play(setting, healthy.policy(), 1);
  const std::string healthy_state = State(healthy);
  const auto expect_stop = [&](const std::string& state, const std::string& weight) {
    RolloutLearner learner(setting.options, setting.spec, at::kCPU,
                           std::make_unique<FastPpoUpdate>(setting.options, setting.spec));
    ByteReader in(state);
    ASSERT_OK(learner.update().LoadState(&in)) << weight;
    EXPECT_THAT(learner.Update(&rollout),
                FailsWith(absl::StatusCode::kInternal, "is not finite at update "))
        << weight;
  };
  PpoUpdate broken(setting.options, setting.spec, at::kCPU);
  for (const FlatParameters* parameters : {&broken.policy(), &broken.value()}) {
    for (const Parameter& parameter : parameters->layout().parameters()) {
      if (parameter.rows == 0) continue;  // of a layer without an input: it has a bias alone
      const at::Tensor weight = parameters->values()[static_cast<int64_t>(parameter.offset)];
      const at::Tensor before = weight.clone();
      weight.fill_(std::nanf(""));
      expect_stop(State(broken), parameter.name);
      weight.copy_(before);
    }
  }
  EXPECT_EQ(State(broken), healthy_state);
}

TEST_P(FastPpoUpdateTest, ContinuesACheckpointBitForBit) {
  const Setting setting(GetParam());
  FastPpoUpdate straight(setting.options, setting.spec), second(setting.options, setting.spec);
  Streams streams;
  straight.Learn(Prepare(Play(setting, straight.policy(), 1)), 0.0, streams.rngs());
  const std::string state = State(straight);
  ByteReader in(state);
  ASSERT_OK(second.LoadState(&in));
  Streams same = streams;
  const Rollout rollout = Play(setting, straight.policy(), 2);
  const LearnedRollout a = straight.Learn(Prepare(rollout), 0.5, streams.rngs());
  const LearnedRollout b = second.Learn(Prepare(rollout), 0.5, same.rngs());
  EXPECT_EQ(State(second), State(straight));
  EXPECT_EQ(a.returns, b.returns);
}

std::vector<StepCase> Cases() {
  using O = PpoOptions;
  return {{"ppo"},
          {"ppo_recomputed", HeadType::kGaussian, 1,
           [](O* o) {
             o->recompute_advantage = true;
             o->value_clip = true;
             o->advantage_norm = AdvantageNorm::kNone;
           }},
          {"pmoe_ppo", HeadType::kMixture, 4},
          {"ppo_async", HeadType::kGaussian, 1, [](O* o) { o->behavior_log_prob = true; }},
          {"pmoe_ppo_async", HeadType::kMixture, 4,
           [](O* o) {
             o->behavior_log_prob = true;
             o->ratio = RatioOf::kJoint;
           }},
          {"pmoe_ppo_minibatch_norm", HeadType::kMixture, 4,
           [](O* o) { o->advantage_norm = AdvantageNorm::kMinibatch; }},
          {"pmoe_ppo_on_trunk", HeadType::kMixture, 4,
           [](O* o) {
             o->value_net = ValueNet::kTrunk;
             o->qnet_reads_trunk = true;
             o->ratio = RatioOf::kJoint;
           }},
          {"gumbel_ppo", HeadType::kMixture, 3,
           [](O* o) {
             o->ratio = RatioOf::kGumbel;
             o->frequency_loss = false;
           }},
          {"gating_ppo", HeadType::kGating, 3},
          {"mcp_ppo", HeadType::kMcp, 3}};
}

INSTANTIATE_TEST_SUITE_P(Cases, FastPpoUpdateTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

// (ratio, width of the trunk, what ranks)
class FastOnePrimitiveTest : public ::testing::TestWithParam<std::tuple<RatioOf, int, RankBy>> {};

// With its Q-network, whose gradient is clipped on its own.
TEST_P(FastOnePrimitiveTest, PmoeEqualsPpoBitForBit) {
  const auto [ratio, width, rank_by] = GetParam();
  const auto narrow = [w = width](PolicyOptions* policy) { policy->hidden = {w, w}; };
  const Setting plain({"ppo", HeadType::kGaussian, 1, [](PpoOptions*) {}, narrow});
  const Setting mixture({"pmoe_ppo", HeadType::kMixture, 1,
                         [r = ratio, by = rank_by](PpoOptions* options) {
                           options->ratio = r;
                           options->rank_by = by;
                           options->tie = {.mean = 0.3, .log_std = 0.0};
                           options->router_entropy_min = 0.5;
                         },
                         narrow});
  FastPpoUpdate ppo(plain.options, plain.spec), pmoe(mixture.options, mixture.spec);
  Streams of_ppo, of_pmoe;
  for (uint32_t i = 0; i < 3; ++i) {
    const Rollout rollout = Play(plain, ppo.policy(), i);
    Rollout same = rollout;
    same.spec.extra_dim = static_cast<int>(mixture.spec.columns.size());
    same.extra.assign(static_cast<size_t>(kRows * same.spec.extra_dim), 0.0f);
    ppo.Learn(Prepare(rollout), 0.0, of_ppo.rngs());
    pmoe.Learn(Prepare(same), 0.0, of_pmoe.rngs());
  }
  for (int i = 0; i < ppo.policy().layers(); ++i) {  // the router's come last
    EXPECT_TRUE(BitwiseEqual(ppo.policy().Frozen(i).weight, pmoe.policy().Frozen(i).weight)) << i;
    EXPECT_TRUE(BitwiseEqual(ppo.policy().Frozen(i).bias, pmoe.policy().Frozen(i).bias)) << i;
  }
  EXPECT_TRUE(
      BitwiseEqual(ppo.state().nets().value().values(), pmoe.state().nets().value().values()));
}

INSTANTIATE_TEST_SUITE_P(
    Ratios, FastOnePrimitiveTest,
    ::testing::Combine(::testing::Values(RatioOf::kDensity, RatioOf::kJoint, RatioOf::kComponent,
                                         RatioOf::kGumbel),
                       ::testing::Values(16, 64),
                       ::testing::Values(RankBy::kActionQ, RankBy::kArmQ, RankBy::kAdvantage)));

// Who gets which edition.
TEST(FastPpoAppliesTest, NotOnAGpuNorByMomentumNorToOptions) {
  const Setting setting({"ppo"});
  EXPECT_TRUE(FastPpoApplies(setting.options, setting.spec));
  PpoOptions other = setting.options;
  other.step = UpdateStep::kAutograd;
  EXPECT_FALSE(FastPpoApplies(other, setting.spec));
  other = setting.options;
  other.sgd = true;
  EXPECT_FALSE(FastPpoApplies(other, setting.spec));
  other = setting.options;
  other.device = "cuda:0";
  EXPECT_FALSE(FastPpoApplies(other, setting.spec));
  PolicySpec options = setting.spec;
  options.head = HeadType::kOption;
  EXPECT_FALSE(FastPpoApplies(setting.options, options));
}

}  // namespace
}  // namespace pmoe
