// The heads that are not a plain mixture, and what an actor writes about its actions.
#include <gmock/gmock.h>

#include <cmath>
#include <numbers>

#include "actor/policy_network.h"
#include "tests/actor/policy_testing.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;

constexpr int kObs = 3;
constexpr int kActions = 2;

PolicyOptions Options(HeadType head, int primitives) {
  PolicyOptions options = BoxOptions(kObs, kActions);
  options.head = head;
  options.action_map = ActionMap::kClip;
  options.primitives = primitives;
  options.hidden = {16};
  return options;
}

// E rows that draw what they need.
struct Acting {
  Acting(const PolicySpec& spec, int envs)
      : network(spec, envs), obs(envs * kObs), action(envs * kActions), primitive(envs) {
    EXPECT_OK(network.Load(RandomSnapshot(spec, 1)));
    Rng(2, RngRole::kInit, 0).FillNormal(obs.data(), obs.size());
    for (int e = 0; e < envs; ++e) rngs.emplace_back(3, RngRole::kActor, 0, 0, e);
  }
  void Act(const ActionChoice& choice = {.sample = true}) {
    network.Act(obs, choice, absl::MakeSpan(rngs), absl::MakeSpan(action),
                absl::MakeSpan(primitive));
  }

  PolicyNetwork network;
  std::vector<float> obs, action;
  std::vector<int> primitive;
  std::vector<Rng> rngs;
};

// Sum over the row's components of w_k N_k(u), by the textbook.
double Density(const PolicyNetwork& network, int row, const float* u, int components) {
  double sum = 0.0;
  for (int k = 0; k < components; ++k) {
    double density = components > 1 ? network.router_weights()(row, k) : 1.0;
    for (int j = 0; j < kActions; ++j) {
      const double std = std::exp(double{network.log_std()(row, k * kActions + j)});
      const double z = (u[j] - network.mean()(row, k * kActions + j)) / std;
      density *= std::exp(-0.5 * z * z) / (std * std::sqrt(2.0 * std::numbers::pi));
    }
    sum += density;
  }
  return sum;
}

TEST(PolicyHeadsTest, TheLogProbabilityColumnIsTheDensityOfTheAction) {
  for (const HeadType head :
       {HeadType::kGaussian, HeadType::kMixture, HeadType::kGating, HeadType::kMcp}) {
    PolicyOptions options = Options(head, head == HeadType::kGaussian ? 1 : 3);
    options.columns = {kColumnLogProb};
    const PolicySpec spec = MakePolicySpec(options);
    Acting acting(spec, 8);
    acting.Act();
    for (int row = 0; row < 8; ++row) {
      EXPECT_NEAR(
          acting.network.columns(row)[0],
          std::log(Density(acting.network, row, &acting.action[row * kActions], spec.components())),
          1e-4);
    }
  }
}

TEST(PolicyHeadsTest, TheJointIsTheComponentsAndItsWeight) {
  PolicyOptions options = Options(HeadType::kMixture, 3);
  options.columns = {kColumnComponent, kColumnComponentLogProb, kColumnJointLogProb,
                     kColumnLogProb};
  Acting acting(MakePolicySpec(options), 8);
  acting.Act();
  for (int row = 0; row < 8; ++row) {
    const absl::Span<const float> columns = acting.network.columns(row);
    const int k = acting.primitive[row];
    EXPECT_EQ(columns[0], static_cast<float>(k));
    EXPECT_NEAR(columns[2] - columns[1], std::log(acting.network.router_weights()(row, k)), 1e-5);
    EXPECT_LE(columns[2], columns[3] + 1e-5f);
  }
}

TEST(PolicyHeadsTest, LogSumExpKeepsFarActionsFinite) {
  constexpr int kWide = 17;
  std::vector<float> u(kWide, 5.0f), mean(kWide, 0.0f), log_std(kWide, 0.0f);
  const float w = 1.0f;
  const double log_prob = MixtureLogDensity(u, 1, {mean.data(), log_std.data(), &w});
  EXPECT_NEAR(log_prob, -0.5 * 25 * kWide - 0.5 * kWide * std::log(2.0 * std::numbers::pi), 1e-9);
}

TEST(PolicyHeadsTest, ObservationsAreScaledAndClipped) {
  PolicyOptions options = Options(HeadType::kGaussian, 1);
  const PolicySpec plain_spec = MakePolicySpec(options);
  options.normalizes_obs = true;
  const PolicySpec spec = MakePolicySpec(options);
  auto snapshot = std::make_shared<PolicySnapshot>(*RandomSnapshot(spec, 1));
  snapshot->obs_mean = {1.0f, 0.0f, 0.0f};
  snapshot->obs_std = {2.0f, 1.0f, 0.001f};
  auto plain = std::make_shared<PolicySnapshot>(*snapshot);
  plain->spec = plain_spec;
  PolicyNetwork scaled(spec, 1), raw(plain_spec, 1);
  ASSERT_OK(scaled.Load(snapshot));
  ASSERT_OK(raw.Load(plain));
  scaled.Forward({5.0f, -0.5f, 3.0f});
  raw.Forward({2.0f, -0.5f, 10.0f});  // (5 - 1) / 2, as it is, 3,000 clipped
  EXPECT_EQ(scaled.mean(), raw.mean());
}

// An option that never ends keeps acting until the episode is over; one that always ends is drawn
// anew.
class OptionTest : public ::testing::Test {
 protected:
  static std::shared_ptr<const PolicySnapshot> WithBeta(const PolicySpec& spec, float logit) {
    auto snapshot = std::make_shared<PolicySnapshot>(*RandomSnapshot(spec, 2));
    const ParameterLayout layout(spec.layers, 1, 1);
    for (const Parameter& p : layout.parameters()) {
      if (p.name == "beta.weight") {
        std::fill_n(snapshot->weights.begin() + static_cast<long>(p.offset), p.rows * p.cols, 0.0f);
      }
      if (p.name == "beta.bias") {
        std::fill_n(snapshot->weights.begin() + static_cast<long>(p.offset), p.cols, logit);
      }
    }
    return snapshot;
  }
  static PolicySpec Spec() {
    PolicyOptions options = Options(HeadType::kOption, 4);
    options.columns = {kColumnOptionBefore, kColumnEpisodeStart};
    return MakePolicySpec(options);
  }
};

TEST_F(OptionTest, AnOptionThatNeverEndsGoesOnUntilTheEpisodeDoes) {
  Acting acting(Spec(), 64);
  ASSERT_OK(acting.network.Load(WithBeta(Spec(), -100.0f)));
  acting.Act();
  const std::vector<int> first = acting.primitive;
  EXPECT_EQ(acting.network.columns(0)[1], 1.0f) << "nothing acted before";
  for (int step = 0; step < 5; ++step) acting.Act();
  EXPECT_EQ(acting.primitive, first);
  EXPECT_EQ(acting.network.columns(3)[0], static_cast<float>(first[3]));
  EXPECT_EQ(acting.network.columns(3)[1], 0.0f);
  acting.network.StartEpisode(3);
  acting.Act();
  EXPECT_EQ(acting.network.columns(3)[1], 1.0f);
}

TEST_F(OptionTest, AnOptionThatAlwaysEndsIsDrawnFromTheMaster) {
  Acting acting(Spec(), 2000);
  ASSERT_OK(acting.network.Load(WithBeta(Spec(), 100.0f)));
  std::fill(acting.obs.begin(), acting.obs.end(), 0.5f);
  acting.Act();
  acting.Act();
  std::vector<double> share(4, 0.0);
  for (const int k : acting.primitive) share[k] += 1.0 / 2000.0;
  // The standard deviation of a share of 2,000 is at most .011.
  for (int k = 0; k < 4; ++k) EXPECT_NEAR(share[k], acting.network.router_weights()(0, k), 0.055);
}

TEST(ScaleActionTest, ClipsToTheBoundsOrToOne) {
  PolicySpec spec;
  spec.action_low = {-0.4, 0.0};
  spec.action_high = {0.4, 3.0};
  double out[2];
  spec.action_map = ActionMap::kClip;
  ScaleAction(spec, {0.1f, 9.0f}, absl::MakeSpan(out));
  EXPECT_THAT(out, ElementsAre(double{0.1f}, 3.0));
  spec.action_map = ActionMap::kRescaleClip;
  ScaleAction(spec, {0.5f, -7.0f}, absl::MakeSpan(out));
  EXPECT_THAT(out, ElementsAre(::testing::DoubleNear(0.2, 1e-9), 0.0));
}

}  // namespace
}  // namespace pmoe
