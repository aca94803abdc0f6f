// What the interpreter of PolicySpec computes and draws.
// E environments, A action_dim, K primitives.
#include "actor/policy_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "common/policy/parameter_layout.h"
#include "tests/actor/policy_testing.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

PolicySpec MakeSpec(int primitives, bool router_reads_obs = true) {
  PolicyOptions options = BoxOptions(2, 1);
  options.primitives = primitives;
  options.hidden = {3};
  options.head = HeadType::kMixture;
  options.router_reads_obs = router_reads_obs;
  return MakePolicySpec(options);
}

// All weights 0 but for these biases: the same heads for every observation.
std::shared_ptr<const PolicySnapshot> ConstantHeads(const std::vector<float>& mean,
                                                    const std::vector<float>& log_std,
                                                    const std::vector<float>& logits,
                                                    uint64_t version = 1) {
  auto snapshot = std::make_shared<PolicySnapshot>();
  snapshot->spec = MakeSpec(static_cast<int>(mean.size()));
  snapshot->version = version;
  const ParameterLayout layout(snapshot->spec.layers, 1, 1);
  snapshot->weights.assign(layout.total(), 0.0f);
  for (const Parameter& parameter : layout.parameters()) {
    const std::vector<float>* values = parameter.name == "mean.bias"      ? &mean
                                       : parameter.name == "log_std.bias" ? &log_std
                                       : parameter.name == "router.bias"  ? &logits
                                                                          : nullptr;
    if (values == nullptr) continue;
    std::copy(values->begin(), values->end(), snapshot->weights.begin() + parameter.offset);
  }
  return snapshot;
}

double NormalCdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

// One network of E rows with heads that never change, and the numbers it draws.
struct ActingFixture {
  explicit ActingFixture(std::shared_ptr<const PolicySnapshot> snapshot, int envs = 1000)
      : network(snapshot->spec, envs), obs(2 * envs), action(envs), primitive(envs) {
    EXPECT_OK(network.Load(snapshot));
    for (int e = 0; e < envs; ++e) rngs.emplace_back(3, RngRole::kActor, 0, 0, e);
  }
  void Act(const ActionChoice& mode) {
    network.Act(obs, mode, absl::MakeSpan(rngs), absl::MakeSpan(action), absl::MakeSpan(primitive));
  }

  PolicyNetwork network;
  std::vector<float> obs, action;
  std::vector<int> primitive;
  std::vector<Rng> rngs;
};

const std::vector<float> kMean = {-0.8f, 0.1f, 0.9f};
const std::vector<float> kLogStd = {-1.0f, -0.3f, -1.6f};
const std::vector<double> kWeights = {0.2, 0.5, 0.3};
const std::vector<float> kLogits = {std::log(0.2f), std::log(0.5f), std::log(0.3f)};

// P(a < x) of the squashed mixture.
double MixtureCdf(double x) {
  double sum = 0.0;
  for (size_t k = 0; k < kMean.size(); ++k) {
    sum += kWeights[k] * NormalCdf((std::atanh(x) - kMean[k]) / std::exp(double{kLogStd[k]}));
  }
  return sum;
}

// Chi-square of n degrees has mean n and variance 2 n: five deviations above.
double ChiSquareLimit(int degrees) { return degrees + 5.0 * std::sqrt(2.0 * degrees); }

TEST(PolicyNetworkTest, ActionsAndPrimitivesFollowTheDensityOfTheMixture) {
  constexpr int kBins = 100, kRounds = 1000;
  ActingFixture acting(ConstantHeads(kMean, kLogStd, kLogits));
  std::vector<double> actions(kBins, 0.0), primitives(kMean.size(), 0.0);
  for (int round = 0; round < kRounds; ++round) {
    acting.Act({.sample = true});
    for (size_t e = 0; e < acting.action.size(); ++e) {
      const int bin = static_cast<int>((acting.action[e] + 1.0f) / 2.0f * kBins);
      ++actions[std::clamp(bin, 0, kBins - 1)];
      ++primitives[acting.primitive[e]];
    }
  }
  const double draws = 1000.0 * kRounds;
  double chi_square = 0.0;
  for (int bin = 0; bin < kBins; ++bin) {
    const double low = bin == 0 ? 0.0 : MixtureCdf(2.0 * bin / kBins - 1.0);
    const double high = bin == kBins - 1 ? 1.0 : MixtureCdf(2.0 * (bin + 1) / kBins - 1.0);
    const double expected = draws * (high - low);
    ASSERT_GT(expected, 5.0);
    chi_square += (actions[bin] - expected) * (actions[bin] - expected) / expected;
  }
  EXPECT_LT(chi_square, ChiSquareLimit(kBins - 1));
  double index_chi_square = 0.0;
  for (size_t k = 0; k < primitives.size(); ++k) {
    const double expected = draws * kWeights[k];
    index_chi_square += (primitives[k] - expected) * (primitives[k] - expected) / expected;
  }
  EXPECT_LT(index_chi_square, ChiSquareLimit(2));
}

TEST(PolicyNetworkTest, EvaluationDrawsAPrimitiveAndTakesItsMean) {
  ActingFixture acting(ConstantHeads(kMean, kLogStd, kLogits));
  std::vector<int> seen(3, 0);
  for (int round = 0; round < 20; ++round) {
    acting.Act({});
    for (size_t e = 0; e < acting.action.size(); ++e) {
      ++seen[acting.primitive[e]];
      EXPECT_FLOAT_EQ(acting.action[e], std::tanh(kMean[acting.primitive[e]]));
    }
  }
  // 20,000 draws: the standard deviation of a share is at most .0036.
  for (size_t k = 0; k < 3; ++k) EXPECT_NEAR(seen[k] / 20'000.0, kWeights[k], 0.018);
}

TEST(PolicyNetworkTest, ArgmaxDrawsNothing) {
  ActingFixture acting(ConstantHeads(kMean, kLogStd, kLogits), 4);
  const std::vector<Rng> before = acting.rngs;
  acting.Act({.primitive = ActionChoice::kArgmax});
  for (size_t e = 0; e < 4; ++e) {
    EXPECT_EQ(acting.primitive[e], 1);
    EXPECT_FLOAT_EQ(acting.action[e], std::tanh(0.1f));
    EXPECT_EQ(acting.rngs[e].NextU32(), Rng(before[e]).NextU32());
  }
}

TEST(PolicyNetworkTest, OnePrimitiveDrawsNoIndex) {
  ActingFixture one(ConstantHeads({0.5f}, {-1.0f}, {0.0f}), 1);
  Rng expected = one.rngs[0];
  one.Act({.sample = true});
  EXPECT_EQ(one.primitive[0], 0);
  EXPECT_EQ(one.action[0], std::tanh(0.5f + std::exp(-1.0f) * expected.Normal()));
}

TEST(PolicyNetworkTest, ClampsTheDeviations) {
  ActingFixture acting(ConstantHeads({0.0f, 0.0f}, {-50.0f, 50.0f}, {0.0f, 0.0f}), 1);
  acting.Act({.primitive = ActionChoice::kArgmax});
  EXPECT_EQ(acting.network.log_std()(0, 0), -20.0f);
  EXPECT_EQ(acting.network.log_std()(0, 1), 2.0f);
}

TEST(PolicyNetworkTest, HugeLogitsGiveFiniteWeights) {
  ActingFixture acting(ConstantHeads({0.0f, 0.0f}, {0.0f, 0.0f}, {1e30f, -1e30f}), 1);
  acting.Act({.sample = true});
  EXPECT_EQ(acting.network.router_weights()(0, 0), 1.0f);
  EXPECT_LT(acting.network.router_weights()(0, 1), 1e-37f);
  EXPECT_EQ(acting.primitive[0], 0);
}

TEST(PolicyNetworkTest, RefusesASnapshotOfAnotherArchitectureAndKeepsItsOwn) {
  const auto snapshot = ConstantHeads(kMean, kLogStd, kLogits, 4);
  PolicyNetwork network(snapshot->spec, 1);
  EXPECT_EQ(network.version(), 0u);
  ASSERT_OK(network.Load(snapshot));
  auto other = std::make_shared<PolicySnapshot>(*snapshot);
  other->spec = MakeSpec(3, /*router_reads_obs=*/false);
  other->version = 5;
  EXPECT_THAT(network.Load(other), FailsWith(absl::StatusCode::kFailedPrecondition, "snapshot"));
  EXPECT_EQ(network.version(), 4u);
}

TEST(ScaleActionTest, ReachesTheBoundsAndTheMiddle) {
  PolicySpec spec;
  spec.action_low = {-0.4, 0.0, -3.0};
  spec.action_high = {0.4, 1.0, 1.0};
  double out[3];
  ScaleAction(spec, {-1.0f, -1.0f, -1.0f}, absl::MakeSpan(out));
  EXPECT_THAT(out, ::testing::ElementsAre(-0.4, 0.0, -3.0));
  ScaleAction(spec, {1.0f, 1.0f, 1.0f}, absl::MakeSpan(out));
  EXPECT_THAT(out, ::testing::ElementsAre(0.4, 1.0, 1.0));
  ScaleAction(spec, {0.0f, 0.0f, 0.0f}, absl::MakeSpan(out));
  EXPECT_THAT(out, ::testing::ElementsAre(0.0, 0.5, -1.0));
}

// Ten primitives: their router weights fill no whole number of vectors.
TEST(PolicyNetworkTest, ARowsBitsDependNeitherOnItsPlaceNorOnTheBatch) {
  constexpr int kBatch = 9;
  PolicyOptions options = BoxOptions(7, 5);
  options.primitives = 10;
  options.hidden = {24, 40};
  options.head = HeadType::kMixture;
  const PolicySpec spec = MakePolicySpec(options);
  const auto snapshot = RandomSnapshot(spec, 1);
  PolicyNetwork together(spec, kBatch), alone(spec, 1);
  ASSERT_TRUE(together.Load(snapshot).ok() && alone.Load(snapshot).ok());
  std::vector<float> obs(kBatch * 7), actions(kBatch * 5), action(5);
  std::vector<int> primitives(kBatch), primitive(1);
  Rng(5, RngRole::kInit, 0).FillNormal(obs.data(), obs.size());
  std::vector<Rng> rngs;
  for (uint32_t row = 0; row < kBatch; ++row) rngs.emplace_back(1, RngRole::kActor, 0, 0, row);
  std::vector<Rng> again = rngs;
  together.Act(obs, {.sample = true}, absl::MakeSpan(rngs), absl::MakeSpan(actions),
               absl::MakeSpan(primitives));
  for (int row = 0; row < kBatch; ++row) {
    alone.Act(absl::MakeConstSpan(obs).subspan(row * 7, 7), {.sample = true}, {&again[row], 1},
              absl::MakeSpan(action), absl::MakeSpan(primitive));
    EXPECT_EQ(primitive[0], primitives[row]);
    EXPECT_EQ(action, std::vector<float>(&actions[row * 5], &actions[row * 5] + 5)) << row;
    for (int k = 0; k < 10; ++k)
      EXPECT_EQ(alone.router_weights()(0, k), together.router_weights()(row, k)) << row;
  }
}

// What PolicyNetwork::Act states about Eigen's functions, against double precision.
TEST(EigenMathTest, TanhAndExpErrAsLittleAsStated) {
  constexpr int kPoints = 1 << 20;
  Eigen::ArrayXf x(kPoints);
  for (int i = 0; i < kPoints; ++i) x[i] = -20.0f + 40.0f * static_cast<float>(i) / kPoints;
  const Eigen::ArrayXf tanh = x.tanh(), exp = x.exp();
  double tanh_error = 0.0, exp_error = 0.0;
  for (int i = 0; i < kPoints; ++i) {
    const double u = x[i];
    if (u != 0) tanh_error = std::max(tanh_error, std::abs(tanh[i] / std::tanh(u) - 1.0));
    exp_error = std::max(exp_error, std::abs(exp[i] / std::exp(u) - 1.0));
    ASSERT_LE(std::abs(tanh[i]), 1.0f);
  }
  EXPECT_LT(tanh_error, 3e-7);
  EXPECT_LT(exp_error, 3e-7);
}

}  // namespace
}  // namespace pmoe
