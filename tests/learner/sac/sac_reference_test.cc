// SacUpdate against a second SAC, written here from the textbook in float64: own layers, own
// densities, own Adam and polyak, gradients by plain autograd. It shares only the initial weights.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "ATen/ops/cat.h"
#include "ATen/ops/full.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/sac/sac_update.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

using at::Tensor;
using Weights = std::vector<Tensor>;  // weight, bias, weight, bias, …

constexpr int kObs = 4;
constexpr int kActions = 2;
constexpr int kBatch = 32;
constexpr int kUpdates = 20;

struct Case {
  const char* name;
  bool tune_alpha = false;
  bool twin = true;
};

class TextbookAdam {
 public:
  TextbookAdam(double lr, const Weights& like) : lr_(lr) {
    for (const Tensor& x : like) {
      m_.push_back(at::zeros_like(x));
      v_.push_back(at::zeros_like(x));
    }
  }
  void Step(Weights* weights) {
    const c10::AutoGradMode no_grad(false);
    ++t_;
    for (size_t i = 0; i < weights->size(); ++i) {
      const Tensor g = (*weights)[i].grad();
      m_[i] = 0.9 * m_[i] + 0.1 * g;
      v_[i] = 0.999 * v_[i] + 0.001 * g * g;
      const Tensor m_hat = m_[i] / (1.0 - std::pow(0.9, t_));
      const Tensor v_hat = v_[i] / (1.0 - std::pow(0.999, t_));
      (*weights)[i].sub_(lr_ * m_hat / (v_hat.sqrt() + 1e-8));
    }
  }

 private:
  double lr_;
  int t_ = 0;
  Weights m_, v_;
};

Weights Leaves(FlatParameters* from, int group) {
  Weights out;
  for (int i = 0; i < from->layers(); ++i) {
    for (const Tensor& x : {from->Frozen(i).weight, from->Frozen(i).bias}) {
      out.push_back(x.select(0, group).to(at::kDouble).clone().requires_grad_(true));
    }
  }
  return out;
}

Tensor Linear(const Tensor& x, const Weights& weights, int layer) {
  return x.matmul(weights[2 * layer]) + weights[2 * layer + 1];
}

struct Sampled {
  Tensor action, log_prob;
};

class ReferenceSac {
 public:
  ReferenceSac(const SacOptions& options, SacUpdate* start)
      : options_(options),
        policy_(Leaves(&start->actor(), 0)),
        log_alpha_({at::full({}, std::log(options.alpha), at::kDouble).requires_grad_(true)}),
        policy_adam_(options.actor_lr, policy_),
        alpha_adam_(options.alpha_lr, log_alpha_) {
    for (int c = 0; c < (options.twin_critics ? 2 : 1); ++c) {
      critics_.push_back(Leaves(&start->critics(), c));
      targets_.push_back(Leaves(&start->critics(), c));
      critic_adams_.emplace_back(options.critic_lr, critics_.back());
    }
  }

  void Step(const SacBatch& batch, const SacNoise& noise) {
    const auto column = [](const Tensor& x) { return x.select(0, 0).to(at::kDouble); };
    const Tensor obs = column(batch.obs), next_obs = column(batch.next_obs);
    const double alpha = log_alpha_[0].exp().item<double>();

    const Sampled next = Sample(next_obs, column(noise.next_eps).squeeze(1));
    const Tensor next_q = MinQ(targets_, next_obs, next.action) - alpha * next.log_prob;
    const Tensor y = (column(batch.reward) + column(batch.discount) * next_q).detach();
    for (size_t c = 0; c < critics_.size(); ++c) {
      Clear();
      (Q(critics_[c], obs, column(batch.action)) - y).square().mean().backward();
      critic_adams_[c].Step(&critics_[c]);
    }

    Clear();
    const Sampled now = Sample(obs, column(noise.policy.eps).squeeze(1));
    (alpha * now.log_prob - MinQ(critics_, obs, now.action)).mean().backward();
    policy_adam_.Step(&policy_);
    if (options_.tune_alpha) {
      Clear();
      (-log_alpha_[0] * (now.log_prob.detach() + options_.target_entropy)).mean().backward();
      alpha_adam_.Step(&log_alpha_);
    }

    const c10::AutoGradMode no_grad(false);
    for (size_t c = 0; c < critics_.size(); ++c) {
      for (size_t i = 0; i < critics_[c].size(); ++i) {
        targets_[c][i].mul_(1.0 - options_.tau).add_(options_.tau * critics_[c][i]);
      }
    }
  }

  const Weights& policy() const { return policy_; }
  const std::vector<Weights>& critics() const { return critics_; }
  const std::vector<Weights>& targets() const { return targets_; }
  double alpha() const { return log_alpha_[0].exp().item<double>(); }

 private:
  Sampled Sample(const Tensor& obs, const Tensor& eps) const {
    const Tensor h = Linear(Linear(obs, policy_, 0).relu(), policy_, 1).relu();
    const Tensor mean = Linear(h, policy_, 2);
    const Tensor std = Linear(h, policy_, 3).clamp(-20.0, 2.0).exp();
    const Tensor u = mean + std * eps;
    const Tensor a = u.tanh();
    const Tensor z = (u - mean) / std;
    const Tensor normal = -0.5 * z * z - std.log() - 0.5 * std::log(2.0 * std::numbers::pi);
    return {a, (normal - (1.0 - a * a).log()).sum(-1)};
  }
  static Tensor Q(const Weights& weights, const Tensor& obs, const Tensor& action) {
    Tensor x = at::cat({obs, action}, -1);
    x = Linear(Linear(x, weights, 0).relu(), weights, 1).relu();
    return Linear(x, weights, 2).squeeze(-1);
  }
  static Tensor MinQ(const std::vector<Weights>& critics, const Tensor& obs, const Tensor& action) {
    const Tensor q = Q(critics[0], obs, action);
    return critics.size() == 1 ? q : q.minimum(Q(critics[1], obs, action));
  }
  void Clear() {
    for (Weights* all : {&policy_, &log_alpha_, &critics_.front(), &critics_.back()}) {
      for (Tensor& x : *all) x.mutable_grad() = Tensor();
    }
  }

  SacOptions options_ = TestSacOptions();
  Weights policy_, log_alpha_;
  std::vector<Weights> critics_, targets_;
  TextbookAdam policy_adam_, alpha_adam_;
  std::vector<TextbookAdam> critic_adams_;
};

// Largest difference over all parameters of one group.
double Distance(FlatParameters* ours, int group, const Weights& reference) {
  const Weights weights = Leaves(ours, group);
  double largest = 0.0;
  for (size_t i = 0; i < weights.size(); ++i) {
    largest = std::max(largest, MaxAbs(weights[i] - reference[i]));
  }
  return largest;
}

SacBatch RandomBatch(Rng* rng) {
  SacBatch batch;
  batch.obs = NormalTensor({1, kBatch, kObs}, rng);
  batch.action = UniformTensor({1, kBatch, kActions}, rng) * 2.0 - 1.0;
  batch.reward = NormalTensor({1, kBatch}, rng);
  // n-step returns: gamma^3, and 0 where the episode ended.
  batch.discount = (UniformTensor({1, kBatch}, rng) > 0.2).to(at::kFloat) * 0.970299;
  batch.next_obs = NormalTensor({1, kBatch, kObs}, rng);
  return batch;
}

class SacReferenceTest : public ::testing::TestWithParam<Case> {};

TEST_P(SacReferenceTest, MovesEveryWeightAsTheTextbookDoes) {
  PolicyOptions policy = BoxOptions(kObs, kActions);
  policy.hidden = {16, 16};
  SacOptions options = TestSacOptions();
  options.batch_size = kBatch;
  options.critic_hidden = {16, 16};
  options.tune_alpha = GetParam().tune_alpha;
  options.twin_critics = GetParam().twin;
  options.target_entropy = -kActions;
  options.alpha_lr = 1e-2;
  SacUpdate update(options, MakePolicySpec(policy), at::kCPU);
  ReferenceSac reference(options, &update);
  const Weights start = Leaves(&update.actor(), 0);
  Rng rng(3, RngRole::kReplay, 0);
  for (int i = 0; i < kUpdates; ++i) {
    const SacBatch batch = RandomBatch(&rng);
    SacNoise noise;
    noise.next_eps = NormalTensor({1, kBatch, 1, kActions}, &rng);
    noise.next_primitive = UniformTensor({1, kBatch}, &rng);
    noise.policy.eps = NormalTensor({1, kBatch, 1, kActions}, &rng);
    update.Step(batch, noise);
    reference.Step(batch, noise);
  }
  // 20 steps of 1e-3 move a weight by up to 2e-2; float32 rounding leaves far less than 2e-5.
  constexpr double kTolerance = 2e-5;
  EXPECT_GT(Distance(&update.actor(), 0, start), 1e-2);
  EXPECT_LT(Distance(&update.actor(), 0, reference.policy()), kTolerance);
  for (size_t c = 0; c < reference.critics().size(); ++c) {
    const int group = static_cast<int>(c);
    EXPECT_LT(Distance(&update.critics(), group, reference.critics()[c]), kTolerance);
    EXPECT_LT(Distance(&update.targets(), group, reference.targets()[c]), kTolerance);
  }
  EXPECT_NEAR(update.Alpha().item<double>(), reference.alpha(), 1e-6);
  RecordProperty("policy_distance",
                 std::to_string(Distance(&update.actor(), 0, reference.policy())));
}

INSTANTIATE_TEST_SUITE_P(Settings, SacReferenceTest,
                         ::testing::Values(Case{"fixed_alpha"}, Case{"tuned_alpha", true},
                                           Case{"single_critic", false, false},
                                           Case{"single_critic_tuned_alpha", true, false}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace pmoe
