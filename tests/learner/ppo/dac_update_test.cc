// DAC's update: one option is PPO in the low MDP, and each MDP trains what belongs to it. N rows, K
// options.
#include "learner/ppo/dac_update.h"

#include <gtest/gtest.h>

#include "learner/ppo/gae.h"
#include "learner/ppo/ppo_loss.h"
#include "learner/ppo/ppo_update.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/learner/meta_device.h"
#include "tests/learner/ppo/rollout_testing.h"
#include "tests/learner/test_device.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr int kObs = 5, kActions = 2, kRows = 256;

PpoOptions SmallOptions() {
  PpoOptions options = TestPpoOptions();
  options.rollout_steps = kRows;
  options.batch_size = kRows;
  options.epochs = 1;
  options.learning_rate = 3e-3;
  options.value_hidden = {16, 16};
  options.head_gain = 0.3;
  options.entropy_coef = 0.01;
  return options;
}

// Without a trunk, so that a Gaussian has the layers that one option has.
PolicySpec MakeSpec(HeadType head, int options) {
  PolicyOptions policy = BoxOptions(kObs, kActions);
  policy.action_map = ActionMap::kClip;
  policy.head = head;
  policy.primitives = options;
  policy.activation = Activation::kTanh;
  policy.hidden = {};
  policy.primitive_hidden = {16, 16};
  policy.router_hidden = {16};
  policy.std_is_parameter = true;
  policy.std_activation = Activation::kLogSoftplus;
  policy.columns = PpoColumns(SmallOptions(), head);
  return MakePolicySpec(policy);
}

// What DAC and PPO learn from, where every step begins an episode.
struct Played {
  explicit Played(const PolicySpec& spec) : net(spec, false), ppo(SmallOptions(), spec, at::kCPU) {
    rollout = MakeRollout(net, ppo.policy(), kRows, 1);
    prepared = Prepare(rollout);
  }
  // Of the MDP, by the pure functions; advantages and returns by PPO's value net.
  DacBatch Batch(DacMdp mdp) {
    const MixtureHeads heads = net.Forward(ppo.policy(), prepared.obs, /*train=*/false);
    const int component = net.spec().ColumnIndex(kColumnComponent);
    DacBatch batch;
    batch.obs = prepared.obs;
    batch.action = prepared.action;
    batch.option = prepared.extra.select(2, component).to(at::kLong);
    batch.before = batch.option;
    batch.start = batch.obs.select(2, 0).mul(0.0).add(1.0);
    const at::Tensor chances =
        mdp == DacMdp::kHigh ? OptionProbabilities(heads, batch.before, batch.start, false).log()
                             : ComponentLogProbs(heads, prepared.action);
    batch.old_log_prob = chances.gather(2, batch.option.unsqueeze(2)).squeeze(2);
    Rng rng(4, RngRole::kLearner, 0);
    batch.advantage = NormalTensor({1, kRows}, &rng);
    batch.returns = NormalTensor({1, kRows}, &rng);
    return batch;
  }

  PolicyNet net;
  PpoUpdate ppo;
  Rollout rollout;
  PreparedRollout prepared;
};

DacBatch BatchOn(const DacBatch& x, const at::Device& device) {
  return {x.obs.to(device),       x.action.to(device), x.option.to(device),
          x.before.to(device),    x.start.to(device),  x.old_log_prob.to(device),
          x.advantage.to(device), x.returns.to(device)};
}

// The layer's index in the spec's order.
int IndexOf(const PolicySpec& spec, const std::string& name) {
  return static_cast<int>(spec.FindLayer(name) - spec.layers.data());
}

TEST(DacUpdateTest, OneOptionIsPpoInTheLowMdp) {
  const PolicySpec gaussian = MakeSpec(HeadType::kGaussian, 1);
  Played played(gaussian);
  PpoOptions options = SmallOptions();
  options.entropy_coef = 0.0;
  PpoUpdate ppo(options, gaussian, at::kCPU);
  DacUpdate dac(options, MakeSpec(HeadType::kOption, 1), at::kCPU);
  Rng shuffle(1, RngRole::kLearner, 0), noise(1, RngRole::kLearnerRouter, 0);
  const at::Tensor value = ppo.Values(played.prepared.obs);
  const at::Tensor bootstrap = ppo.Values(played.prepared.bootstrap_obs);
  Advantages targets = EstimateAdvantages(
      {options.gamma, options.gae_lambda},
      {played.rollout.segments, played.rollout.reward, ToFloats(value), ToFloats(bootstrap)});
  Standardize(&targets.advantage);
  DacBatch batch;
  batch.obs = played.prepared.obs;
  batch.action = played.prepared.action;
  batch.option = value.mul(0.0).to(at::kLong);
  batch.before = batch.option;
  batch.start = value.mul(0.0);
  batch.old_log_prob = ppo.OldLogProb(played.prepared, {});
  batch.advantage = at::from_blob(targets.advantage.data(), {1, kRows}, at::kFloat);
  batch.returns = at::from_blob(targets.returns.data(), {1, kRows}, at::kFloat);
  ppo.Learn(played.prepared, 0.0, {&shuffle, &noise});
  dac.Step(DacMdp::kLow, batch, 1.0);
  for (int i = 0; i < static_cast<int>(gaussian.layers.size()); ++i) {
    EXPECT_LT(MaxAbs(ppo.policy().Frozen(i).bias - dac.policy().Frozen(i).bias), 1e-5) << i;
    if (gaussian.layers[static_cast<size_t>(i)].inputs == 0) continue;
    EXPECT_LT(MaxAbs(ppo.policy().Frozen(i).weight - dac.policy().Frozen(i).weight), 1e-5) << i;
  }
  EXPECT_LT(MaxAbs(ppo.value().values() - dac.value().values()), 1e-5);
}

class DacMdpTest : public ::testing::TestWithParam<DacMdp> {};

TEST_P(DacMdpTest, BeginsWithARatioOfOneAndTrainsWhatBelongsToIt) {
  const PolicySpec spec = MakeSpec(HeadType::kOption, 3);
  Played played(spec);
  DacUpdate dac(SmallOptions(), spec, TestDevice());
  const at::Tensor before = dac.policy().values().clone();
  const at::Tensor stats =
      dac.Step(GetParam(), BatchOn(played.Batch(GetParam()), TestDevice()), 1.0);
  EXPECT_NEAR(stats[2].item<double>(), 0.0, 1e-6) << "KL";
  EXPECT_EQ(stats[3].item<double>(), 0.0) << "clip fraction";
  FlatParameters old(spec.layers, 1, 1, TestDevice());
  old.values().copy_(before);
  for (const char* layer : {"mean", "log_std", "primitive0", "router", "beta"}) {
    const int i = IndexOf(spec, layer);
    const bool moved = !old.Frozen(i).bias.equal(dac.policy().Frozen(i).bias);
    const bool low = std::string(layer) != "router" && std::string(layer) != "beta";
    // At an episode's start no option can end, so beta has no gradient in either.
    EXPECT_EQ(moved, std::string(layer) != "beta" && low == (GetParam() == DacMdp::kLow)) << layer;
  }
}

// See meta_device.h.
TEST_P(DacMdpTest, AStepReadsNothingFromTheDevice) {
  const PolicySpec spec = MakeSpec(HeadType::kOption, 3);
  Played played(spec);
  for (const bool compat : {false, true}) {
    PpoOptions options = SmallOptions();
    options.dac_compat = compat;
    DacUpdate dac(options, spec, MetaDevice());
    const DacBatch batch = BatchOn(played.Batch(GetParam()), MetaDevice());
    EXPECT_TRUE(dac.Step(GetParam(), batch, 1.0).is_meta());
  }
}

INSTANTIATE_TEST_SUITE_P(Both, DacMdpTest, ::testing::Values(DacMdp::kHigh, DacMdp::kLow));

TEST(DacUpdateTest, TerminationsLearnWhereAnOptionMayGoOn) {
  const PolicySpec spec = MakeSpec(HeadType::kOption, 3);
  Played played(spec);
  DacUpdate dac(SmallOptions(), spec, at::kCPU);
  const int beta = IndexOf(spec, "beta");
  const at::Tensor before = dac.policy().Frozen(beta).bias.clone();
  DacBatch batch = played.Batch(DacMdp::kHigh);
  batch.start = batch.start.mul(0.0);
  dac.Step(DacMdp::kHigh, batch, 1.0);
  EXPECT_FALSE(BitwiseEqual(before, dac.policy().Frozen(beta).bias));
}

TEST(DacUpdateTest, ContinuesBitForBitFromItsState) {
  const PolicySpec spec = MakeSpec(HeadType::kOption, 3);
  Played played(spec);
  PpoOptions options = SmallOptions();
  options.batch_size = 64;
  DacUpdate a(options, spec, at::kCPU), b(options, spec, at::kCPU);
  const auto learn = [&](DacUpdate* update, uint32_t seed) {
    Rng shuffle(seed, RngRole::kLearner, 0), noise(seed, RngRole::kLearnerRouter, 0);
    return update->Learn(played.prepared, 0.0, {&shuffle, &noise});
  };
  EXPECT_EQ(learn(&a, 1).updates, 2 * kRows / 64);
  ByteWriter out;
  a.SaveState(&out);
  ByteReader in(out.bytes());
  ASSERT_OK(b.LoadState(&in));
  learn(&a, 2);
  learn(&b, 2);
  EXPECT_TRUE(BitwiseEqual(a.policy().values(), b.policy().values()));
  EXPECT_TRUE(BitwiseEqual(a.value().values(), b.value().values()));
}

}  // namespace
}  // namespace pmoe
