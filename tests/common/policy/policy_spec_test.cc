#include "common/policy/policy_spec.h"

#include <gtest/gtest.h>

#include <functional>

#include "common/base/rng.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using absl::StatusCode::kDataLoss;

std::string Bytes(const PolicySpec& spec) {
  ByteWriter out;
  spec.Save(&out);
  return out.Take();
}

absl::StatusOr<PolicySpec> Load(const std::string& bytes) {
  ByteReader in(bytes);
  return PolicySpec::Load(&in);
}

TEST(PolicySpecTest, ComesBackExactly) {
  const auto loaded = Load(Bytes(SmallSpec()));
  ASSERT_OK(loaded);
  EXPECT_EQ(*loaded, SmallSpec());
  EXPECT_EQ(loaded->Hash(), SmallSpec().Hash());
}

TEST(PolicySpecTest, SacHasTheTrunkAndTwoHeads) {
  PolicyOptions options;
  options.obs_dim = 3;
  options.action_low = {-1.0, -2.0};
  options.action_high = {1.0, 2.0};
  options.hidden = {8, 4};
  const PolicySpec spec = MakePolicySpec(options);
  EXPECT_OK(spec.Validate());
  const std::vector<DenseLayer> expected = {
      {"trunk0", "obs", 3, 8, Activation::kRelu},
      {"trunk1", "trunk0", 8, 4, Activation::kRelu},
      {"mean", "trunk1", 4, 2, Activation::kIdentity},
      {"log_std", "trunk1", 4, 2, Activation::kIdentity},
  };
  EXPECT_EQ(spec.layers, expected);
}

TEST(PolicySpecTest, TheRouterReadsTrunkOrObservation) {
  PolicyOptions options = BoxOptions(3, 1);
  options.primitives = 5;
  options.hidden = {8};
  options.head = HeadType::kMixture;
  const DenseLayer on_trunk = {"router", "trunk0", 8, 5, Activation::kIdentity};
  EXPECT_EQ(*MakePolicySpec(options).FindLayer("router"), on_trunk);
  options.router_reads_obs = true;
  const DenseLayer on_obs = {"router", "obs", 3, 5, Activation::kIdentity};
  EXPECT_EQ(*MakePolicySpec(options).FindLayer("router"), on_obs);
}

// MCP's network: a shared trunk, a layer of each primitive's own, and a gate with its own layers.
TEST(PolicySpecTest, PrimitivesHaveTheirOwnLayersAsBlocks) {
  PolicyOptions options = BoxOptions(3, 2);
  options.head = HeadType::kMcp;
  options.primitives = 4;
  options.hidden = {8};
  options.primitive_hidden = {5, 6};
  options.router_hidden = {7};
  options.router_reads_obs = true;
  const PolicySpec spec = MakePolicySpec(options);
  EXPECT_OK(spec.Validate());
  const std::vector<DenseLayer> expected = {
      {"trunk0", "obs", 3, 8, Activation::kRelu},
      {"primitive0", "trunk0", 8, 20, Activation::kRelu},
      {"primitive1", "primitive0", 20, 24, Activation::kRelu, 4},
      {"mean", "primitive1", 24, 8, Activation::kIdentity, 4},
      {"log_std", "primitive1", 24, 8, Activation::kIdentity, 4},
      {"router_hidden0", "obs", 3, 7, Activation::kRelu},
      {"router", "router_hidden0", 7, 4, Activation::kSigmoid},
  };
  EXPECT_EQ(spec.layers, expected);
  EXPECT_EQ(spec.components(), 1);
  EXPECT_EQ(expected[2].weight_rows(), 5);
}

// DAC's: no trunk, a std that is a parameter, and terminations.
TEST(PolicySpecTest, OptionsHaveTerminationsAndAStdThatIsAParameter) {
  PolicyOptions options = BoxOptions(3, 1);
  options.head = HeadType::kOption;
  options.action_map = ActionMap::kClip;
  options.primitives = 2;
  options.hidden = {};
  options.primitive_hidden = {5};
  options.std_is_parameter = true;
  options.std_activation = Activation::kLogSoftplus;
  options.columns = {kColumnComponent, kColumnOptionBefore, kColumnEpisodeStart};
  const PolicySpec spec = MakePolicySpec(options);
  EXPECT_OK(spec.Validate());
  const DenseLayer log_std = {"log_std", "", 0, 2, Activation::kLogSoftplus};
  const DenseLayer beta = {"beta", "beta_hidden0", 10, 2, Activation::kSigmoid, 2};
  EXPECT_EQ(*spec.FindLayer("log_std"), log_std);
  EXPECT_EQ(*spec.FindLayer("beta"), beta);
  EXPECT_EQ(spec.ColumnIndex(kColumnOptionBefore), 1);
  EXPECT_EQ(spec.ColumnIndex(kColumnLogProb), -1);
  EXPECT_EQ(*Load(Bytes(spec)), spec);
}

TEST(PolicySpecTest, SaysWhatIsWrong) {
  const std::pair<std::function<void(PolicySpec*)>, const char*> cases[] = {
      {[](PolicySpec* s) { s->obs_dim = 0; }, "out of range"},
      {[](PolicySpec* s) { s->action_dim = -1; }, "out of range"},
      {[](PolicySpec* s) { s->primitives = 257; }, "out of range"},
      {[](PolicySpec* s) { s->action_low.push_back(0.0); }, "action bounds"},
      {[](PolicySpec* s) { s->action_low[0] = s->action_high[0]; }, "low < high"},
      {[](PolicySpec* s) { s->action_high[0] = std::nan(""); }, "low < high"},
      {[](PolicySpec* s) { s->action_high.clear(); }, "action bounds"},
      {[](PolicySpec* s) { s->head = static_cast<HeadType>(5); }, "head type"},
      {[](PolicySpec* s) { s->head = HeadType::kGaussian; }, "one primitive"},
      {[](PolicySpec* s) { s->layers.clear(); }, "layers"},
      {[](PolicySpec* s) { s->layers[0].inputs = 2; }, "reads 'obs'"},
      {[](PolicySpec* s) { s->layers[0].input = "nothing"; }, "reads 'nothing'"},
      {[](PolicySpec* s) { s->layers[0].input = "trunk0"; }, "reads 'trunk0'"},
      {[](PolicySpec* s) { s->layers[0].activation = static_cast<Activation>(5); }, "'trunk0'"},
      {[](PolicySpec* s) { s->layers[2].name = "mean"; }, "two layers 'mean'"},
      {[](PolicySpec* s) { s->layers.pop_back(); }, "no layer 'router'"},
      {[](PolicySpec* s) { s->layers[1].outputs = 1; }, "'mean' must have 2"},
      {[](PolicySpec* s) { s->layers[0].inputs = 0; }, "out of range"},
      {[](PolicySpec* s) { s->layers[1].blocks = 0; }, "out of range"},
      {[](PolicySpec* s) { s->layers[1].blocks = 3; }, "cannot be cut into blocks"},
      {[](PolicySpec* s) { s->head = HeadType::kOption; }, "no layer 'beta'"},
      {[](PolicySpec* s) { s->action_map = static_cast<ActionMap>(3); }, "action map"},
      {[](PolicySpec* s) { s->columns = {"value"}; }, "no actor knows the column 'value'"},
  };
  for (const auto& [break_it, message] : cases) {
    PolicySpec spec = SmallSpec();
    break_it(&spec);
    EXPECT_THAT(spec.Validate(), IsInvalid(message)) << message;
    EXPECT_THAT(Load(Bytes(spec)), FailsWith(kDataLoss, message)) << message;
  }
}

TEST(PolicySpecTest, TheHashTellsSpecsApart) {
  const uint64_t hash = SmallSpec().Hash();
  const std::function<void(PolicySpec*)> changes[] = {
      [](PolicySpec* s) { s->action_high[0] = 0.5; },
      [](PolicySpec* s) { s->layers[0].activation = Activation::kTanh; },
      [](PolicySpec* s) { s->layers[3].input = "obs"; },
      [](PolicySpec* s) { std::swap(s->layers[1], s->layers[2]); },
  };
  for (const auto& change : changes) {
    PolicySpec spec = SmallSpec();
    change(&spec);
    EXPECT_NE(spec.Hash(), hash);
  }
}

TEST(PolicySpecTest, RefusesEveryTruncation) {
  const std::string bytes = Bytes(SmallSpec());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(Load(bytes.substr(0, size)), FailsWith(kDataLoss, "truncated")) << size;
  }
}

TEST(PolicySpecTest, WhatLoadsFromRandomBytesIsValid) {
  Rng rng(2, RngRole::kReplay, 0);
  const std::string good = Bytes(SmallSpec());
  int loaded = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (uint64_t n = 1 + rng.UniformInt(8); n > 0; --n) {
      bytes[rng.UniformInt(bytes.size())] = static_cast<char>(rng.NextU32());
    }
    const auto spec = Load(bytes);
    if (!spec.ok()) continue;
    ++loaded;
    EXPECT_OK(spec->Validate());
  }
  EXPECT_GT(loaded, 0);  // some changes hit only names or bounds
  for (int i = 0; i < 5000; ++i) {
    std::string bytes;
    for (uint64_t n = rng.UniformInt(300); n > 0; --n) {
      bytes.push_back(static_cast<char>(rng.NextU32()));
    }
    EXPECT_THAT(Load(bytes), FailsWith(kDataLoss, ""));
  }
}

}  // namespace
}  // namespace pmoe
