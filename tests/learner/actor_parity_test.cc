// The actor's interpreter (Eigen) and the learner's network (LibTorch) on the same snapshot.
// E environments, O obs_dim, A action_dim, K primitives.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numbers>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "ATen/ops/empty.h"
#include "ATen/ops/zeros.h"
#include "absl/strings/str_cat.h"
#include "actor/policy_network.h"
#include "learner/losses.h"
#include "learner/nets/policy_net.h"
#include "learner/ppo/ppo_loss.h"
#include "learner/sac/sac_learner.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr int kObs = 17;
constexpr int kActions = 6;
constexpr int kBatch = 32;
constexpr double kTolerance = 1e-5;

struct Kind {
  const char* name;
  void (*change)(PolicyOptions* options);
};

// (kind of policy, E, updates before the snapshot is taken)
using Case = std::tuple<Kind, int, int>;

PolicySpec MakeSpec(const Kind& kind) {
  PolicyOptions options = BoxOptions(kObs, kActions);
  options.hidden = {64, 64};
  kind.change(&options);
  return MakePolicySpec(options);
}

void SquashedGaussian(PolicyOptions*) {}
void SquashedMixture(PolicyOptions* o) {
  o->head = HeadType::kMixture;
  o->primitives = 4;
}
void MixtureOnObs(PolicyOptions* o) {
  SquashedMixture(o);
  o->router_reads_obs = true;
}
// What on-policy algorithms act with.
void Clipped(PolicyOptions* o) {
  o->action_map = ActionMap::kClip;
  o->activation = Activation::kTanh;
  o->std_is_parameter = true;
  o->normalizes_obs = true;
  o->columns = {kColumnComponent, kColumnLogProb, kColumnComponentLogProb, kColumnJointLogProb};
}
void ClippedMixture(PolicyOptions* o) {
  Clipped(o);
  SquashedMixture(o);
}
void Gating(PolicyOptions* o) {
  ClippedMixture(o);
  o->head = HeadType::kGating;
}
void GatingSquared(PolicyOptions* o) {
  Gating(o);
  o->gating_squared = true;
}
// With block-diagonal layers: each primitive has its own after the first.
void Mcp(PolicyOptions* o) {
  Clipped(o);
  o->head = HeadType::kMcp;
  o->primitives = 8;
  o->activation = Activation::kRelu;
  o->std_is_parameter = false;
  o->primitive_hidden = {24, 16};
  o->router_hidden = {48, 32};
  o->router_reads_obs = true;
}
void Options(PolicyOptions* o) {
  Clipped(o);
  o->head = HeadType::kOption;
  o->primitives = 4;
  o->hidden = {};
  o->primitive_hidden = {32, 32};
  o->router_hidden = {32, 32};
  o->mean_activation = Activation::kTanh;
  o->std_activation = Activation::kLogSoftplus;
  o->columns.insert(o->columns.end(), {kColumnOptionBefore, kColumnEpisodeStart});
}

// log pi_mix(tanh(u)) in float64 from the actor's heads, by the textbook formula.
double ActorLogProb(const PolicyNetwork& network, int row, const double* u, int primitives) {
  double density = 0.0, log_det = 0.0;
  for (int j = 0; j < kActions; ++j) log_det += std::log(1.0 - std::tanh(u[j]) * std::tanh(u[j]));
  for (int k = 0; k < primitives; ++k) {
    double log_normal = 0.0;
    for (int j = 0; j < kActions; ++j) {
      const double log_std = network.log_std()(row, k * kActions + j);
      const double z = (u[j] - network.mean()(row, k * kActions + j)) / std::exp(log_std);
      log_normal += -0.5 * z * z - log_std - 0.5 * std::log(2.0 * std::numbers::pi);
    }
    const double w = primitives == 1 ? 1.0 : network.router_weights()(row, k);
    density += w * std::exp(log_normal);
  }
  return std::log(density) - log_det;
}

// Trained once per kind of policy; the heads of every kind have a SAC loss.
SacLearner& Trained(const Kind& kind, int updates) {
  static std::map<std::pair<std::string, int>, std::unique_ptr<SacLearner>> learners;
  std::unique_ptr<SacLearner>& learner = learners[{kind.name, updates}];
  if (learner != nullptr) return *learner;
  SacOptions options = TestSacOptions();
  options.batch_size = kBatch;
  options.critic_hidden = {64, 64};
  learner = std::make_unique<SacLearner>(options, MakeSpec(kind), at::kCPU);
  Rng rng(5, RngRole::kReplay, 0);
  Minibatch batch({.obs_dim = kObs, .action_dim = kActions}, kBatch);
  for (int i = 0; i < updates; ++i) {
    FillRandom(&rng, &batch);
    EXPECT_OK(learner->Update(&batch));
  }
  return *learner;
}

class ActorParityTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto [kind, envs, updates] = GetParam();
    spec_ = MakeSpec(kind);
    SacLearner& learner = Trained(kind, updates);
    Rng rng(6, RngRole::kReplay, 0);
    obs_ = NormalTensor({1, envs, kObs}, &rng);
    at::Tensor seen = obs_;
    PolicySnapshot snapshot = *learner.Snapshot(3, 1000);
    if (spec_.normalizes_obs) seen = Normalize(&rng, &snapshot);
    auto decoded = PolicySnapshot::Decode(snapshot.Encode());
    ASSERT_OK(decoded);
    network_ = std::make_unique<PolicyNetwork>(spec_, envs);
    ASSERT_OK(network_->Load(std::make_shared<const PolicySnapshot>(*std::move(decoded))));
    eps_ = NormalTensor({1, envs, spec_.components(), kActions}, &rng);
    network_->Forward(Numbers(obs_));
    heads_ = learner.update().policy_net().Forward(learner.update().actor(), seen, false);
  }

  static absl::Span<const float> Numbers(const at::Tensor& x) {
    return {x.data_ptr<float>(), static_cast<size_t>(x.numel())};
  }

  // Gives the snapshot moments. Returns what the policy sees; the first number is beyond the clip.
  at::Tensor Normalize(Rng* rng, PolicySnapshot* snapshot) const {
    const at::Tensor mean = NormalTensor({kObs}, rng);
    at::Tensor std = UniformTensor({kObs}, rng) + 0.5;
    std[0] = 1e-3;
    snapshot->obs_mean.assign(Numbers(mean).begin(), Numbers(mean).end());
    snapshot->obs_std.assign(Numbers(std).begin(), Numbers(std).end());
    return ((obs_ - mean) / std).clamp(-kObsClip, kObsClip);
  }

  // Largest difference of a row, in units of the row's largest number or of `scale_min`.
  void ExpectClose(const PolicyNetwork::Matrix& actor, const at::Tensor& learner,
                   float scale_min = 0.0f) {
    const at::Tensor rows = learner.reshape({actor.rows(), actor.cols()}).contiguous();
    const Eigen::Map<const PolicyNetwork::Matrix> expected(rows.data_ptr<float>(), actor.rows(),
                                                           actor.cols());
    for (Eigen::Index row = 0; row < actor.rows(); ++row) {
      const float scale = std::max(scale_min, expected.row(row).cwiseAbs().maxCoeff());
      EXPECT_LE((actor.row(row) - expected.row(row)).cwiseAbs().maxCoeff(), kTolerance * scale);
    }
  }

  // One step that samples. The actions it took, [1, E, A].
  at::Tensor Act(std::vector<Rng>* rngs) {
    at::Tensor action = at::empty({1, obs_.size(1), kActions}, at::kFloat);
    std::vector<int> primitive(static_cast<size_t>(obs_.size(1)));
    network_->Act(Numbers(obs_), {.sample = true}, absl::MakeSpan(*rngs),
                  {action.data_ptr<float>(), static_cast<size_t>(action.numel())},
                  absl::MakeSpan(primitive));
    return action;
  }

  // The actor's column, [1, E].
  at::Tensor Column(const char* name) const {
    at::Tensor column = at::empty({1, obs_.size(1)}, at::kFloat);
    for (int row = 0; row < static_cast<int>(obs_.size(1)); ++row) {
      column[0][row] = network_->columns(row)[static_cast<size_t>(spec_.ColumnIndex(name))];
    }
    return column;
  }

  // Log-probabilities, [1, E], of actions by component `k`, [1, E].
  void ExpectLogProb(const char* column, const at::Tensor& expected, const at::Tensor& action,
                     const at::Tensor& k) const {
    const at::Tensor mean = SelectPrimitive(heads_.mean, k).squeeze(2);
    const at::Tensor std = SelectPrimitive(heads_.log_std, k).squeeze(2).exp();
    const at::Tensor sensitivity = 1.0 + ((action - mean).abs() / std.square()).sum(2);  // [1, E]
    const at::Tensor error = (Column(column) - expected).abs();
    EXPECT_TRUE((error <= kTolerance * sensitivity).all().item<bool>())
        << column << " is off by up to " << (error / sensitivity).max().item<double>();
  }

  PolicySpec spec_;
  std::unique_ptr<PolicyNetwork> network_;
  at::Tensor obs_;  // [1, E, O]
  at::Tensor eps_;  // [1, E, C, A]
  MixtureHeads heads_;
};

TEST_P(ActorParityTest, AgreesOnMeansAndDeviations) {
  ExpectClose(network_->mean(), heads_.mean);
  // A composite's log-std is the logarithm of a sum, 0 where the std is 1: its error is the sum's
  // relative one.
  ExpectClose(network_->log_std(), heads_.log_std, heads_.gate.defined() ? 1.0f : 0.0f);
}

TEST_P(ActorParityTest, AgreesOnEveryRouterWeight) {
  const bool gated = heads_.gate.defined();
  const at::Tensor w = (gated ? heads_.gate : heads_.RouterWeights()).contiguous();
  ASSERT_EQ(w.numel(), network_->router_weights().size());
  const PolicyNetwork::Matrix& actor = network_->router_weights();
  for (Eigen::Index i = 0; i < actor.size(); ++i) {
    const double expected = w.data_ptr<float>()[i];
    EXPECT_NEAR(actor.data()[i], expected, kTolerance * expected);
  }
}

TEST_P(ActorParityTest, AgreesOnLogProbabilitiesOfSampledActions) {
  const int components = spec_.components();
  const at::Tensor u = SamplePrimitives(heads_, eps_).pre_tanh;  // [1, E, K, A]
  const at::Tensor expected =
      MixtureLogProb(u, heads_.mean, heads_.log_std, heads_.LogRouterWeights());
  const at::Tensor exact_u = u.to(at::kDouble).contiguous();
  for (int row = 0; row < eps_.size(1); ++row) {
    for (int k = 0; k < components; ++k) {
      double sensitivity = 1.0;
      for (int j = 0; j < kActions; ++j) {
        const float z = eps_[0][row][k][j].item<float>();
        sensitivity += std::abs(z) / std::exp(network_->log_std()(row, k * kActions + j));
      }
      const double* at_u = exact_u.data_ptr<double>() + (row * components + k) * kActions;
      EXPECT_NEAR(ActorLogProb(*network_, row, at_u, components),
                  expected[0][row][k].item<double>(), kTolerance * sensitivity);
    }
  }
}

// Of u, without squashing: what PPO's ratio is of.
class ActorColumnTest : public ActorParityTest {};

TEST_P(ActorColumnTest, HoldsTheLogProbabilitiesThatTheLearnerComputes) {
  std::vector<Rng> rngs;
  for (int row = 0; row < obs_.size(1); ++row) rngs.emplace_back(7, RngRole::kActor, 0, 0, row);
  const at::Tensor action = Act(&rngs);
  const at::Tensor k = Column(kColumnComponent).to(at::kLong);
  const at::Tensor log_n = ComponentLogProbs(heads_, action);
  const auto ratio = [&](RatioOf of) { return RatioLogProb(of, heads_, log_n, k, {}); };
  ExpectLogProb(kColumnLogProb, ratio(RatioOf::kDensity), action, k);
  ExpectLogProb(kColumnComponentLogProb, ratio(RatioOf::kComponent), action, k);
  ExpectLogProb(kColumnJointLogProb, ratio(RatioOf::kJoint), action, k);
}

class ActorOptionTest : public ActorParityTest {};

// An option goes on from the step before, or the router draws anew.
TEST_P(ActorOptionTest, HoldsTheOptionsProbabilities) {
  std::vector<Rng> rngs;
  for (int row = 0; row < obs_.size(1); ++row) rngs.emplace_back(7, RngRole::kActor, 0, 0, row);
  at::Tensor before = at::zeros({1, obs_.size(1)}, at::kLong);
  for (int step = 0; step < 4; ++step) {
    if (step == 2) network_->StartEpisode(0);
    const at::Tensor action = Act(&rngs);
    at::Tensor start = at::zeros({1, obs_.size(1)}, at::kFloat);
    if (step == 0) start.fill_(1.0);
    if (step == 2) start[0][0] = 1.0;
    EXPECT_TRUE(Column(kColumnEpisodeStart).equal(start)) << step;
    before = before * (start == 0);
    EXPECT_TRUE(Column(kColumnOptionBefore).equal(before.to(at::kFloat))) << step;
    const at::Tensor k = Column(kColumnComponent).to(at::kLong);
    const at::Tensor log_n = SelectPrimitive(ComponentLogProbs(heads_, action), k).squeeze(2);
    const at::Tensor chosen =
        SelectPrimitive(OptionProbabilities(heads_, before, start, /*compat=*/false), k);
    ExpectLogProb(kColumnComponentLogProb, log_n, action, k);
    ExpectLogProb(kColumnJointLogProb, chosen.squeeze(2).log() + log_n, action, k);
    before = k;
  }
}

constexpr Kind kKinds[] = {{"gaussian", SquashedGaussian},
                           {"mixture_on_obs", MixtureOnObs},
                           {"mixture", SquashedMixture},
                           {"gaussian_clipped", Clipped},
                           {"mixture_clipped", ClippedMixture},
                           {"gating", Gating},
                           {"gating_squared", GatingSquared},
                           {"mcp", Mcp},
                           {"options", Options}};
constexpr Kind kWithDensity[] = {{"gaussian_clipped", Clipped},
                                 {"mixture_clipped", ClippedMixture},
                                 {"gating", Gating},
                                 {"gating_squared", GatingSquared},
                                 {"mcp", Mcp}};

std::string NameOf(const ::testing::TestParamInfo<Case>& info) {
  const auto [kind, envs, updates] = info.param;
  return absl::StrCat(kind.name, "_", envs, "_envs_", updates, "_updates");
}

INSTANTIATE_TEST_SUITE_P(FreshAndTrained, ActorParityTest,
                         ::testing::Combine(::testing::ValuesIn(kKinds), ::testing::Values(1, 16),
                                            ::testing::Values(0, 300)),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(FreshAndTrained, ActorColumnTest,
                         ::testing::Combine(::testing::ValuesIn(kWithDensity),
                                            ::testing::Values(1, 16), ::testing::Values(0, 300)),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(FreshAndTrained, ActorOptionTest,
                         ::testing::Combine(::testing::Values(Kind{"options", Options}),
                                            ::testing::Values(1, 16), ::testing::Values(0, 300)),
                         NameOf);

}  // namespace
}  // namespace pmoe
