// The rows of the calibration table with 200 seeds each. Its numbers are means of five seeds, some
// of them over more than one basin; how far such a mean may lie off follows from the spread of
// ours. It leaves K open where it says "MCP", "REINFORCE" and "Gumbel ST": 8 as in MCP's paper, and
// 4. Its "MRP KL < .1" holds for every seed with K = 4 (at most .03 of 200 seeds); with K = 2 some
// seeds in a hundred end with both primitives on one mode (12 and 16 of 200; 11 are still there
// after 6000 steps with equal heights).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "tests/learner/sac/bandit.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

struct Row {
  const char* name;
  void (*change)(BanditOptions* options);
  int primitives;
  double left_height;
  double value, kl;      // of the table, 5 seeds
  double between_share;  // of 200 seeds: those that cover both modes with one wide primitive
};

double Mean(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double Deviation(const std::vector<double>& x) {
  double sum = 0.0;
  for (const double value : x) sum += (value - Mean(x)) * (value - Mean(x));
  return std::sqrt(sum / static_cast<double>(x.size() - 1));
}

// Mass on the lighter mode.
double LighterMode(const BanditResult& result, size_t seed) {
  return std::min(result.left[seed], 1.0 - result.left[seed]);
}

class BanditTableTest : public ::testing::TestWithParam<Row> {
 protected:
  // Each row is played once, for all tests.
  static const BanditResult& Played(const Row& row) {
    static std::map<std::string, BanditResult> played;
    const auto found = played.find(row.name);
    if (found != played.end()) return found->second;
    BanditOptions options;
    options.primitives = row.primitives;
    if (row.primitives > 1) options.head = HeadType::kMixture;
    row.change(&options);
    options.left_height = row.left_height;
    return played[row.name] = RunBandit(options);
  }

  // Three deviations of the difference between a mean of 5 and one of 200 seeds, and .01 for the
  // table's own rounding and the generator's.
  static double Band(const std::vector<double>& x) {
    return 0.01 + 3.0 * Deviation(x) * std::sqrt(1.0 / 5.0 + 1.0 / static_cast<double>(x.size()));
  }
};

class FreeRouterTest : public BanditTableTest {};
class SingleGaussianTest : public BanditTableTest {};
class MarginalTest : public BanditTableTest {};

TEST_P(BanditTableTest, TheMeansAgreeWithTheTable) {
  const Row& row = GetParam();
  const BanditResult& result = Played(row);
  EXPECT_NEAR(Mean(result.value), row.value, Band(result.value));
  EXPECT_NEAR(Mean(result.kl), row.kl, Band(result.kl));
  RecordProperty("value", std::to_string(Mean(result.value)));
  RecordProperty("kl", std::to_string(Mean(result.kl)));
}

TEST_P(BanditTableTest, TheShareOfSeedsBetweenTheModesIsAsMeasured) {
  const Row& row = GetParam();
  const BanditResult& result = Played(row);
  double between = 0.0;
  for (const double value : result.value) between += value < 0.55 ? 1.0 : 0.0;
  const double share = between / static_cast<double>(result.value.size());
  const double p = std::clamp(row.between_share, 0.02, 0.98);
  // 99.7% band of a share of 200, twice: the expectation was measured with 200 seeds, too.
  const double band = 3.0 * std::sqrt(2.0 * p * (1.0 - p) / 200.0);
  EXPECT_NEAR(share, row.between_share, band);
  RecordProperty("between_share", std::to_string(share));
}

// Not under mixture entropy, whose density trains the router as well.
TEST_P(FreeRouterTest, EndsAtTheWinFrequencies) {
  const Row& row = GetParam();
  for (const double error : Played(row).frequency_error) EXPECT_LT(error, 0.05);
}

// Not with more primitives: losers keep a wide density and some weight.
TEST_P(SingleGaussianTest, LeavesTheOtherModeAloneOnceConverged) {
  const Row& row = GetParam();
  const BanditResult& result = Played(row);
  for (size_t i = 0; i < result.left.size(); ++i) {
    if (result.value[i] < 0.55) continue;
    EXPECT_LT(LighterMode(result, i), 0.05);
  }
}

// The target has .5 or .133 of its mass on the lighter mode.
TEST_P(MarginalTest, CoversBothModesWithTheTargetsWeights) {
  const Row& row = GetParam();
  const BanditResult& result = Played(row);
  const double lighter = row.left_height == 1.0 ? 0.5 : 0.133;
  size_t collapsed = 0;
  for (size_t i = 0; i < result.kl.size(); ++i) {
    if (row.primitives == 2 && LighterMode(result, i) < 0.05) {
      ++collapsed;
      continue;
    }
    EXPECT_LT(result.kl[i], 0.1) << "seed " << i;
    EXPECT_NEAR(LighterMode(result, i), lighter, 0.1) << "seed " << i;
  }
  // .06 and .08 of 200 seeds were measured, with a standard deviation of .02.
  const double share = static_cast<double>(collapsed) / static_cast<double>(result.kl.size());
  EXPECT_NEAR(share, row.primitives == 2 ? 0.07 : 0.0, 0.06);
  RecordProperty("collapsed_share", std::to_string(share));
}

void Max(BanditOptions*) {}
void All(BanditOptions* o) { o->loss.primitive_backprop = PrimitiveBackprop::kAll; }
void SoftQ(BanditOptions* o) { o->loss.best_by = BestBy::kSoftQ; }
void MixtureEntropy(BanditOptions* o) { o->loss.entropy = EntropyOf::kMixture; }
void CrossEntropy(BanditOptions* o) { o->loss.router_loss = RouterLoss::kCrossEntropy; }
void Marginal(BanditOptions* o) {
  o->loss.estimator = Estimator::kMarginal;
  o->loss.entropy = EntropyOf::kMixture;
}
void Reinforce(BanditOptions* o) { o->loss.estimator = Estimator::kReinforce; }
void ReinforceWithBaseline(BanditOptions* o) {
  Reinforce(o);
  o->loss.reinforce_baseline = Baseline::kExpected;
}
void GumbelSt(BanditOptions* o) { o->loss.estimator = Estimator::kGumbel; }
void Gating(BanditOptions* o) { o->head = HeadType::kGating; }
void GatingSquared(BanditOptions* o) {
  Gating(o);
  o->gating_squared = true;
}
void Mcp(BanditOptions* o) { o->head = HeadType::kMcp; }

const Row kSac[] = {{"sac", Max, 1, 1.0, 0.751, 1.83, 0.52},
                    {"sac_unequal", Max, 1, 0.8, 0.905, 0.53, 0.0}};
const Row kFreeRouters[] = {{"max_2", Max, 2, 1.0, 0.716, 1.86, 0.33},
                            {"max_4", Max, 4, 1.0, 0.646, 2.15, 0.29},
                            {"soft_q_4", SoftQ, 4, 1.0, 0.527, 2.98, 0.66},
                            {"cross_entropy_4", CrossEntropy, 4, 1.0, 0.646, 2.15, 0.29},
                            {"all_4", All, 4, 1.0, 0.782, 1.18, 0.09},
                            {"max_2_unequal", Max, 2, 0.8, 0.919, 0.17, 0.0},
                            {"max_4_unequal", Max, 4, 0.8, 0.869, 0.31, 0.0},
                            {"soft_q_4_unequal", SoftQ, 4, 0.8, 0.651, 1.69, 0.0},
                            {"cross_entropy_4_unequal", CrossEntropy, 4, 0.8, 0.868, 0.31, 0.0},
                            {"all_4_unequal", All, 4, 0.8, 0.946, 0.15, 0.0}};
const Row kMixtureEntropy[] = {
    {"mixture_entropy_4", MixtureEntropy, 4, 1.0, 0.808, 1.14, 0.0},
    {"mixture_entropy_4_unequal", MixtureEntropy, 4, 0.8, 0.878, 0.48, 0.0}};

const Row kMarginal[] = {{"mrp_2", Marginal, 2, 1.0, 0.946, 0.014, 0.0},
                         {"mrp_4", Marginal, 4, 1.0, 0.945, 0.010, 0.0},
                         {"mrp_2_unequal", Marginal, 2, 0.8, 0.924, 0.041, 0.0},
                         {"mrp_4_unequal", Marginal, 4, 0.8, 0.918, 0.005, 0.0}};
const Row kEstimators[] = {
    {"reinforce_4", Reinforce, 4, 1.0, 0.750, 1.7, 0.10},
    {"reinforce_baseline_4", ReinforceWithBaseline, 4, 1.0, 0.749, 1.66, 0.10},
    {"gumbel_4", GumbelSt, 4, 1.0, 0.468, 3.4, 0.83},
    {"reinforce_4_unequal", Reinforce, 4, 0.8, 0.946, 0.15, 0.0},
    {"reinforce_baseline_4_unequal", ReinforceWithBaseline, 4, 0.8, 0.947, 0.15, 0.0},
    {"gumbel_4_unequal", GumbelSt, 4, 0.8, 0.900, 0.18, 0.0}};
const Row kComposites[] = {{"gating_4", Gating, 4, 1.0, 0.459, 3.5, 0.76},
                           {"gating_w2_4", GatingSquared, 4, 1.0, 0.946, 0.71, 0.0},
                           {"mcp_8", Mcp, 8, 1.0, 0.946, 0.71, 0.0},
                           {"gating_4_unequal", Gating, 4, 0.8, 0.946, 0.16, 0.0},
                           {"gating_w2_4_unequal", GatingSquared, 4, 0.8, 0.866, 0.91, 0.0},
                           {"mcp_8_unequal", Mcp, 8, 0.8, 0.906, 0.53, 0.0}};

std::string NameOf(const ::testing::TestParamInfo<Row>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Sac, BanditTableTest, ::testing::ValuesIn(kSac), NameOf);
INSTANTIATE_TEST_SUITE_P(FreeRouters, BanditTableTest, ::testing::ValuesIn(kFreeRouters), NameOf);
INSTANTIATE_TEST_SUITE_P(MixtureEntropy, BanditTableTest, ::testing::ValuesIn(kMixtureEntropy),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Marginal, BanditTableTest, ::testing::ValuesIn(kMarginal), NameOf);
INSTANTIATE_TEST_SUITE_P(Estimators, BanditTableTest, ::testing::ValuesIn(kEstimators), NameOf);
INSTANTIATE_TEST_SUITE_P(Composites, BanditTableTest, ::testing::ValuesIn(kComposites), NameOf);
INSTANTIATE_TEST_SUITE_P(Rows, MarginalTest, ::testing::ValuesIn(kMarginal), NameOf);
INSTANTIATE_TEST_SUITE_P(Rows, FreeRouterTest, ::testing::ValuesIn(kFreeRouters), NameOf);
INSTANTIATE_TEST_SUITE_P(Rows, SingleGaussianTest, ::testing::ValuesIn(kSac), NameOf);
INSTANTIATE_TEST_SUITE_P(Composites, SingleGaussianTest, ::testing::ValuesIn(kComposites), NameOf);

}  // namespace
}  // namespace pmoe
