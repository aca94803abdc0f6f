// PpoUpdate against a second PPO, written here from the textbook in float64: own layers, own
// density, own advantages, own clipping and Adam, gradients by plain autograd. It shares only the
// initial weights.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "ATen/ops/tensor.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/ppo/ppo_update.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/learner/ppo/rollout_testing.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

using at::Tensor;
using Weights = std::vector<Tensor>;  // weight, bias, weight, bias, …

constexpr int kObs = 4, kActions = 2, kRows = 64, kEpochs = 4;
constexpr double kLearningRate = 1e-3, kEpsilon = 1e-5, kGamma = 0.99, kLambda = 0.95;

Weights Leaves(const FlatParameters& from) {
  Weights out;
  for (int i = 0; i < from.layers(); ++i) {
    for (const Tensor& x : {from.Frozen(i).weight, from.Frozen(i).bias}) {
      out.push_back(x[0].to(at::kDouble).clone().requires_grad_(true));
    }
  }
  return out;
}

Tensor Linear(const Tensor& x, const Weights& weights, int layer) {
  return x.matmul(weights[2 * layer]) + weights[2 * layer + 1];
}

class ReferencePpo {
 public:
  ReferencePpo(const PpoOptions& options, PpoUpdate* start)
      : options_(options), policy_(Leaves(start->policy())), value_(Leaves(start->value())) {
    for (const Weights* all : {&policy_, &value_}) {
      for (const Tensor& x : *all) {
        m_.push_back(at::zeros_like(x));
        v_.push_back(at::zeros_like(x));
      }
    }
  }

  // kEpochs steps on the whole rollout.
  void Learn(const Rollout& rollout) {
    const PreparedRollout tensors = Prepare(rollout);
    const Tensor obs = tensors.obs[0].to(at::kDouble), action = tensors.action[0].to(at::kDouble);
    const Tensor old = LogProb(obs, action).detach(), old_value = Value(obs).detach();
    Tensor advantage = Advantages(rollout, old_value, tensors.bootstrap_obs[0].to(at::kDouble));
    const Tensor returns = advantage + old_value;
    advantage = (advantage - advantage.mean()) / (advantage.std(/*unbiased=*/false) + 1e-8);
    for (int epoch = 0; epoch < kEpochs; ++epoch) {
      for (Weights* all : {&policy_, &value_}) {
        for (Tensor& x : *all) x.mutable_grad() = Tensor();
      }
      const Tensor ratio = (LogProb(obs, action) - old).exp();
      const Tensor clipped = ratio.clamp(1.0 - options_.clip, 1.0 + options_.clip);
      const Tensor actor = -(ratio * advantage).minimum(clipped * advantage).mean();
      const Tensor error = 0.5 * (Value(obs) - returns).square().mean();
      const Tensor entropy = policy_[7].sum();  // up to a constant: the log-std of every action
      (actor + options_.value_coef * error - options_.entropy_coef * entropy).backward();
      Step();
    }
  }

  const Weights& policy() const { return policy_; }
  const Weights& value() const { return value_; }

 private:
  // policy_: trunk0, trunk1, mean, log_std (a bias alone).
  Tensor LogProb(const Tensor& obs, const Tensor& action) const {
    const Tensor h = Linear(Linear(obs, policy_, 0).tanh(), policy_, 1).tanh();
    const Tensor std = policy_[7].clamp(-20.0, 2.0).exp();
    const Tensor z = (action - Linear(h, policy_, 2)) / std;
    return (-0.5 * z * z - std.log() - 0.5 * std::log(2.0 * std::numbers::pi)).sum(1);
  }
  Tensor Value(const Tensor& obs) const {
    const Tensor h = Linear(Linear(obs, value_, 0).tanh(), value_, 1).tanh();
    return Linear(h, value_, 2).squeeze(1);
  }

  // From the front, each row's sum of discounted errors on its own.
  Tensor Advantages(const Rollout& rollout, const Tensor& value,
                    const Tensor& bootstrap_obs) const {
    const Tensor bootstrap = Value(bootstrap_obs).detach();
    Tensor advantage = at::zeros_like(value);
    for (size_t s = 0; s < rollout.segments.size(); ++s) {
      const RolloutSegment& segment = rollout.segments[s];
      const int64_t end = segment.start + segment.length;
      for (int64_t t = segment.start; t < end; ++t) {
        double sum = 0.0, factor = 1.0;
        for (int64_t l = t; l < end; ++l, factor *= kGamma * kLambda) {
          double next = l + 1 < end ? value[l + 1].item<double>()
                                    : bootstrap[static_cast<int64_t>(s)].item<double>();
          if (l + 1 == end && segment.end == SegmentEnd::kTerminated) next = 0.0;
          sum += factor *
                 (rollout.reward[static_cast<size_t>(l)] + kGamma * next - value[l].item<double>());
        }
        advantage[t] = sum;
      }
    }
    return advantage;
  }

  // Joint clipping of both networks' gradient, then Adam.
  void Step() {
    const c10::AutoGradMode no_grad(false);
    Weights all = policy_;
    all.insert(all.end(), value_.begin(), value_.end());
    double squares = 0.0;
    for (const Tensor& x : all) {
      if (x.grad().defined()) squares += x.grad().square().sum().item<double>();
    }
    const double norm = std::sqrt(squares);
    const double scale = std::min(1.0, options_.grad_norm_max / (norm + 1e-6));
    ++t_;
    for (size_t i = 0; i < all.size(); ++i) {
      if (!all[i].grad().defined()) continue;
      const Tensor g = all[i].grad() * scale;
      m_[i] = 0.9 * m_[i] + 0.1 * g;
      v_[i] = 0.999 * v_[i] + 0.001 * g * g;
      const Tensor m_hat = m_[i] / (1.0 - std::pow(0.9, t_));
      const Tensor v_hat = v_[i] / (1.0 - std::pow(0.999, t_));
      all[i].sub_(kLearningRate * m_hat / (v_hat.sqrt() + kEpsilon));
    }
  }

  PpoOptions options_ = TestPpoOptions();
  Weights policy_, value_, m_, v_;
  int t_ = 0;
};

double Distance(const Weights& a, const Weights& b) {
  double largest = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].numel() > 0) largest = std::max(largest, MaxAbs(a[i] - b[i]));
  }
  return largest;
}

PolicySpec MakeSpec() {
  PolicyOptions policy = BoxOptions(kObs, kActions);
  policy.action_map = ActionMap::kClip;
  policy.activation = Activation::kTanh;
  policy.hidden = {16, 16};
  policy.std_is_parameter = true;
  return MakePolicySpec(policy);
}

class PpoReferenceTest : public ::testing::TestWithParam<double> {};

// One minibatch per epoch; from the second on ratios differ from 1.
TEST_P(PpoReferenceTest, MovesEveryWeightAsTheTextbookDoes) {
  PpoOptions options = TestPpoOptions();
  options.rollout_steps = kRows;
  options.batch_size = kRows;
  options.epochs = kEpochs;
  options.learning_rate = kLearningRate;
  options.adam_epsilon = kEpsilon;
  options.gamma = kGamma;
  options.gae_lambda = kLambda;
  options.clip = 0.02;  // so that some rows are clipped
  options.entropy_coef = 0.01;
  options.grad_norm_max = GetParam();
  options.value_hidden = {16, 16};
  options.head_gain = 0.5;
  PpoUpdate update(options, MakeSpec(), at::kCPU);
  ReferencePpo reference(options, &update);
  const Weights policy_start = Leaves(update.policy()), value_start = Leaves(update.value());
  const Rollout rollout = MakeRollout(update.policy_net(), update.policy(), kRows, 1);
  Rng shuffle(1, RngRole::kLearner, 0), noise(1, RngRole::kLearnerRouter, 0);
  const LearnedRollout learned = update.Learn(Prepare(rollout), 0.0, {&shuffle, &noise});
  reference.Learn(rollout);
  EXPECT_GT(learned.stats[5], 0.0);  // clip_fraction
  EXPECT_GT(Distance(Leaves(update.policy()), policy_start), 3e-3);
  EXPECT_GT(Distance(Leaves(update.value()), value_start), 3e-3);
  // Four steps of up to 1e-3 each.
  EXPECT_LT(Distance(Leaves(update.policy()), reference.policy()), 1e-5);
  EXPECT_LT(Distance(Leaves(update.value()), reference.value()), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(GradientNorms, PpoReferenceTest, ::testing::Values(0.5, 100.0));

}  // namespace
}  // namespace pmoe
