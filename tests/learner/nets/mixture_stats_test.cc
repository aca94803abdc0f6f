// Statistics of a mixture on heads made by hand. M members, B batch, K primitives, A action_dim.
#include "learner/nets/mixture_stats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "ATen/ops/tensor.h"
#include "ATen/ops/zeros.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

using at::Tensor;

Tensor Doubles(std::initializer_list<double> values, at::IntArrayRef shape) {
  return at::tensor(values, at::kDouble).view(shape);
}

std::map<std::string, double> Stats(const MixtureHeads& heads, const Tensor& best) {
  const bool gated = heads.gate.defined();
  const int primitives = static_cast<int>((gated ? heads.gate : heads.RouterWeights()).size(2));
  const std::vector<std::string> names = MixtureStatNames(primitives);
  const Tensor values = MixtureStats(heads, best);
  EXPECT_EQ(values.size(0), static_cast<int64_t>(names.size()));
  std::map<std::string, double> stats;
  for (size_t i = 0; i < names.size(); ++i) {
    stats[names[i]] = values[static_cast<int64_t>(i)].item<double>();
  }
  return stats;
}

// Two rows of three primitives with two actions: w = (.5, .5, 0) and (.7, .295, .005).
MixtureHeads ThreeByHand() {
  MixtureHeads heads;
  const Tensor squashed =
      Doubles({0.0, 0.0, 0.3, 0.4, 0.0, 0.0, 0.6, 0.0, 0.6, 0.8, 0.6, 0.0}, {1, 2, 3, 2});
  heads.mean = squashed.atanh();
  heads.log_std =
      Doubles({0.1, 0.3, 0.2, 0.2, 1.0, 2.0, 0.5, 0.7, 0.4, 0.4, 0.8, 1.0}, {1, 2, 3, 2}).log();
  heads.router_logits = Doubles({0.5, 0.5, 1e-300, 0.7, 0.295, 0.005}, {1, 2, 3}).log();
  return heads;
}

Tensor Best(int64_t first, int64_t second) { return at::tensor({first, second}).view({1, 2}); }

TEST(MixtureStatsTest, UsageIsTheMeanWeightAndWinRateTheShareOfRows) {
  auto stats = Stats(ThreeByHand(), Best(1, 1));
  EXPECT_NEAR(stats["primitive_usage_0"], 0.6, 1e-12);
  EXPECT_NEAR(stats["primitive_usage_1"], 0.3975, 1e-12);
  EXPECT_NEAR(stats["primitive_usage_2"], 0.0025, 1e-12);
  EXPECT_EQ(stats["primitive_win_rate_0"], 0.0);
  EXPECT_EQ(stats["primitive_win_rate_1"], 1.0);
  stats = Stats(ThreeByHand(), Best(0, 2));
  EXPECT_EQ(stats["primitive_win_rate_0"], 0.5);
  EXPECT_EQ(stats["primitive_win_rate_2"], 0.5);
}

TEST(MixtureStatsTest, RouterEntropyIsTheMeanOverRowsAlsoWithAWeightOfZero) {
  const double first = std::log(2.0);
  const double second = -(0.7 * std::log(0.7) + 0.295 * std::log(0.295) + 0.005 * std::log(0.005));
  EXPECT_NEAR(Stats(ThreeByHand(), Best(0, 0))["router_entropy"], (first + second) / 2.0, 1e-12);
}

// Row 0: distances .5, 0, .5 of the squashed means; row 1: .8, 0, .8.
TEST(MixtureStatsTest, DistanceIsTheMeanOverPairsOfSquashedMeans) {
  const double expected = (1.0 / 3.0 + 1.6 / 3.0) / 2.0;
  EXPECT_NEAR(Stats(ThreeByHand(), Best(0, 0))["primitive_distance"], expected, 1e-12);
}

// Mean std per row and primitive: (.2, .2, 1.5) and (.6, .4, .9).
TEST(MixtureStatsTest, LoserStdLeavesTheBestPrimitiveOut) {
  EXPECT_NEAR(Stats(ThreeByHand(), Best(2, 0))["loser_std"], (0.2 + 0.2 + 0.4 + 0.9) / 4.0, 1e-12);
  EXPECT_NEAR(Stats(ThreeByHand(), Best(0, 2))["loser_std"], (0.2 + 1.5 + 0.6 + 0.4) / 4.0, 1e-12);
}

TEST(MixtureStatsTest, APrimitiveIsDeadBelowOnePercentOfTheWeight) {
  EXPECT_EQ(Stats(ThreeByHand(), Best(0, 0))["dead_primitives"], 1.0);
  MixtureHeads heads = ThreeByHand();
  heads.router_logits = Doubles({0.989, 0.009, 0.002, 0.985, 0.013, 0.002}, {1, 2, 3}).log();
  EXPECT_EQ(Stats(heads, Best(0, 0))["dead_primitives"], 1.0);  // .011 and .002
  heads.router_logits = at::zeros({1, 2, 3}, at::kDouble);
  EXPECT_EQ(Stats(heads, Best(0, 0))["dead_primitives"], 0.0);
}

TEST(MixtureStatsTest, OnePrimitiveHasNoDistanceAndNoLosers) {
  const MixtureHeads heads = {at::zeros({1, 2, 1, 2}), at::zeros({1, 2, 1, 2})};
  auto stats = Stats(heads, Best(0, 0));
  EXPECT_TRUE(std::isnan(stats["primitive_distance"]));
  EXPECT_TRUE(std::isnan(stats["loser_std"]));
  EXPECT_EQ(stats["router_entropy"], 0.0);
  EXPECT_EQ(stats["dead_primitives"], 0.0);
  EXPECT_EQ(stats["primitive_usage_0"], 1.0);
  EXPECT_EQ(stats["primitive_win_rate_0"], 1.0);
}

// Gating and MCP: the K that were made one are looked at, and none of them wins.
TEST(MixtureStatsTest, SeesThePrimitivesBehindAGate) {
  const MixtureHeads three = ThreeByHand();
  MixtureHeads gated = {at::zeros({1, 2, 1, 2}, at::kDouble), at::zeros({1, 2, 1, 2}, at::kDouble)};
  gated.gate = three.RouterWeights();
  gated.gated_mean = three.mean;
  gated.gated_log_std = three.log_std;
  auto stats = Stats(gated, {}), expected = Stats(three, Best(0, 0));
  for (const char* name : {"router_entropy", "primitive_distance", "dead_primitives",
                           "primitive_usage_0", "primitive_usage_1", "primitive_usage_2"}) {
    EXPECT_EQ(stats[name], expected[name]) << name;
  }
  for (const char* name : {"loser_std", "primitive_win_rate_0", "primitive_win_rate_2"}) {
    EXPECT_TRUE(std::isnan(stats[name])) << name;
  }
}

TEST(MixtureStatsTest, LeavesNoGraphBehind) {
  MixtureHeads heads = ThreeByHand();
  heads.mean.requires_grad_(true);
  EXPECT_FALSE(MixtureStats(heads, Best(0, 0)).requires_grad());
}

}  // namespace
}  // namespace pmoe
