// The actor's interpreter (Eigen) and the learner's network (LibTorch) on the same snapshot.
// E environments, O obs_dim, A action_dim, K primitives.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <numbers>
#include <tuple>

#include "ATen/ops/from_blob.h"
#include "actor/policy_network.h"
#include "learner/losses.h"
#include "learner/nets/policy_net.h"
#include "learner/sac/sac_learner.h"
#include "tests/learner/torch_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

constexpr int kObs = 17;
constexpr int kActions = 6;
constexpr int kBatch = 32;
constexpr double kTolerance = 1e-5;

enum class Router { kNone, kObs, kTrunk };

// (router, E, updates before the snapshot is taken)
using Case = std::tuple<Router, int, int>;

PolicySpec MakeSpec(Router router) {
  SquashedPolicyOptions options;
  options.obs_dim = kObs;
  options.action_low.assign(kActions, -1.0);
  options.action_high.assign(kActions, 1.0);
  options.primitives = router == Router::kNone ? 1 : 4;
  options.hidden = {64, 64};
  options.has_router = router != Router::kNone;
  options.router_reads_obs = router == Router::kObs;
  return MakeSquashedPolicySpec(options);
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
    density += network.router_weights()(row, k) * std::exp(log_normal);
  }
  return std::log(density) - log_det;
}

// Trained once per kind of policy.
SacLearner& Trained(Router router, int updates) {
  static std::map<std::pair<Router, int>, std::unique_ptr<SacLearner>> learners;
  std::unique_ptr<SacLearner>& learner = learners[{router, updates}];
  if (learner != nullptr) return *learner;
  SacOptions options;
  options.batch_size = kBatch;
  options.critic_hidden = {64, 64};
  learner = std::make_unique<SacLearner>(options, MakeSpec(router), at::kCPU);
  Rng rng(5, RngRole::kReplay, 0);
  Minibatch batch({.obs_dim = kObs, .action_dim = kActions}, kBatch);
  for (int i = 0; i < updates; ++i) {
    testing::FillRandom(&rng, &batch);
    EXPECT_THAT(learner->Update(&batch), testing::IsOk());
  }
  return *learner;
}

class ActorParityTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto [router, envs, updates] = GetParam();
    spec_ = MakeSpec(router);
    SacLearner& learner = Trained(router, updates);
    Rng rng(6, RngRole::kReplay, 0);
    auto snapshot = PolicySnapshot::Decode(learner.Snapshot(3, 1000)->Encode());
    ASSERT_THAT(snapshot, testing::IsOk());
    network_ = std::make_unique<PolicyNetwork>(spec_, envs);
    ASSERT_THAT(network_->Load(std::make_shared<const PolicySnapshot>(*std::move(snapshot))),
                testing::IsOk());
    const at::Tensor obs = testing::NormalTensor({1, envs, kObs}, &rng);
    eps_ = testing::NormalTensor({1, envs, spec_.primitives, kActions}, &rng);
    network_->Forward({obs.data_ptr<float>(), static_cast<size_t>(obs.numel())});
    heads_ = learner.update().policy_net().Forward(learner.update().actor(), obs, false);
  }

  // Largest difference of a row, in units of the row's largest number.
  void ExpectClose(const PolicyNetwork::Matrix& actor, const at::Tensor& learner) {
    const at::Tensor rows = learner.reshape({actor.rows(), actor.cols()}).contiguous();
    const Eigen::Map<const PolicyNetwork::Matrix> expected(rows.data_ptr<float>(), actor.rows(),
                                                           actor.cols());
    for (Eigen::Index row = 0; row < actor.rows(); ++row) {
      const float scale = expected.row(row).cwiseAbs().maxCoeff();
      EXPECT_LE((actor.row(row) - expected.row(row)).cwiseAbs().maxCoeff(), kTolerance * scale);
    }
  }

  PolicySpec spec_;
  std::unique_ptr<PolicyNetwork> network_;
  at::Tensor eps_;  // [1, E, K, A]
  MixtureHeads heads_;
};

TEST_P(ActorParityTest, AgreesOnMeansAndDeviations) {
  ExpectClose(network_->mean(), heads_.mean);
  ExpectClose(network_->log_std(), heads_.log_std);
}

TEST_P(ActorParityTest, AgreesOnEveryRouterWeight) {
  const at::Tensor w = heads_.RouterWeights().contiguous();
  const PolicyNetwork::Matrix& actor = network_->router_weights();
  for (Eigen::Index i = 0; i < actor.size(); ++i) {
    const double expected = w.data_ptr<float>()[i];
    EXPECT_NEAR(actor.data()[i], expected, kTolerance * expected);
  }
}

TEST_P(ActorParityTest, AgreesOnLogProbabilitiesOfSampledActions) {
  const int primitives = spec_.primitives;
  const at::Tensor u = SamplePrimitives(heads_, eps_).pre_tanh;  // [1, E, K, A]
  const at::Tensor expected =
      MixtureLogProb(u, heads_.mean, heads_.log_std, heads_.LogRouterWeights());
  const at::Tensor exact_u = u.to(at::kDouble).contiguous();
  for (int row = 0; row < eps_.size(1); ++row) {
    for (int k = 0; k < primitives; ++k) {
      double sensitivity = 1.0;
      for (int j = 0; j < kActions; ++j) {
        const float z = eps_[0][row][k][j].item<float>();
        sensitivity += std::abs(z) / std::exp(network_->log_std()(row, k * kActions + j));
      }
      const double* at_u = exact_u.data_ptr<double>() + (row * primitives + k) * kActions;
      EXPECT_NEAR(ActorLogProb(*network_, row, at_u, primitives),
                  expected[0][row][k].item<double>(), kTolerance * sensitivity);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(FreshAndTrained, ActorParityTest,
                         ::testing::Combine(::testing::Values(Router::kNone, Router::kObs,
                                                              Router::kTrunk),
                                            ::testing::Values(1, 16), ::testing::Values(0, 300)));

}  // namespace
}  // namespace pmoe
