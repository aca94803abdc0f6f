#include "tests/learner/sac/bandit.h"

#include "ATen/CPUGeneratorImpl.h"
#include "ATen/ops/arange.h"
#include "ATen/ops/empty.h"
#include "ATen/ops/full.h"
#include "ATen/ops/one_hot.h"
#include "ATen/ops/randn.h"
#include "ATen/ops/zeros.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/losses.h"
#include "learner/nets/composite.h"
#include "learner/nets/optimizer.h"
#include "learner/nets/policy_net.h"

namespace pmoe {
namespace {

using at::Tensor;

constexpr int64_t kBatch = 100;
constexpr double kAlpha = 0.1;

Tensor Height(const Tensor& a, double left_height) {
  return (((a - 0.6) / 0.25).square().neg()).exp() +
         left_height * (((a + 0.6) / 0.25).square().neg()).exp();
}

// A leaf with its gradient and its optimiser.
struct Head {
  explicit Head(Tensor start)
      : value(start.requires_grad_(true)), gradient(at::zeros_like(start)), adam({1e-2}, gradient) {
    value.mutable_grad() = gradient;
  }
  void Step() { adam.Step(&value, &gradient); }

  Tensor value, gradient;
  Optimizer adam;
};

class Bandit {
 public:
  explicit Bandit(const BanditOptions& options)
      : options_(options),
        generator_(at::make_generator<at::CPUGeneratorImpl>(options.seed)),
        mean_(Normal({options.seeds, 1, options.primitives, 1}) * 0.3),
        log_std_(at::full({options.seeds, 1, options.primitives, 1}, -0.7, at::kFloat)),
        logits_(at::zeros({options.seeds, 1, options.primitives}, at::kFloat)),
        alpha_(at::full({options.seeds, 1}, kAlpha, at::kFloat)) {}

  void Step() {
    const PolicyLossTerms terms = Loss(kBatch);
    Tensor loss = terms.primitive.sum();
    if (terms.frequency.defined()) loss = loss + terms.frequency.sum();
    loss.backward();
    mean_.Step();
    log_std_.Step();
    if (options_.head != HeadType::kGaussian) logits_.Step();
  }

  // Quadrature on midpoints of (-1, 1).
  BanditResult Evaluate() {
    const c10::AutoGradMode no_grad(false);
    constexpr int64_t kPoints = 4000;
    const double width = 2.0 / kPoints;
    const Tensor a = (at::arange(kPoints, at::kDouble) + 0.5) * width - 1.0;
    const Tensor q = Height(a, options_.left_height);
    const Tensor target = (q / kAlpha).log_softmax(0) - std::log(width);
    const MixtureHeads heads = Heads(1);
    const Tensor u = a.atanh().view({1, 1, kPoints, 1}).expand({options_.seeds, 1, kPoints, 1});
    Tensor log_prob = MixtureLogProb(u, heads.mean.to(at::kDouble), heads.log_std.to(at::kDouble),
                                     heads.LogRouterWeights().to(at::kDouble));
    log_prob = log_prob.squeeze(1).log_softmax(1) - std::log(width);  // a narrow density, too
    const Tensor mass = log_prob.exp() * width;                       // [M, points]
    BanditResult result;
    result.value = ToVector((mass * q).sum(1));
    result.kl = ToVector((mass * (log_prob - target)).sum(1));
    result.left = ToVector(mass.narrow(1, 0, kPoints / 2).sum(1));
    result.frequency_error = FrequencyError(heads);
    return result;
  }

 private:
  Tensor Normal(at::IntArrayRef shape) { return at::randn(shape, generator_, at::kFloat); }
  Tensor Uniform(at::IntArrayRef shape) {
    return at::empty(shape, at::kFloat).uniform_(0.0, 1.0, generator_);
  }

  MixtureHeads Heads(int64_t rows) const {
    const auto expand = [&](const Tensor& x) {
      std::vector<int64_t> shape = x.sizes().vec();
      shape[1] = rows;
      return x.expand(shape);
    };
    const Tensor mean = expand(mean_.value), logits = expand(logits_.value);
    const Tensor log_std = expand(log_std_.value).clamp(kLogStdMin, kLogStdMax);
    if (options_.head == HeadType::kGaussian) return {mean, log_std};
    if (options_.head == HeadType::kMixture) return {mean, log_std, logits};
    const Gaussian one =
        options_.head == HeadType::kGating
            ? GatedGaussian(mean, log_std, logits.softmax(2), options_.gating_squared)
            : MultipliedGaussian(mean, log_std, logits.sigmoid());
    return {one.mean, one.log_std};
  }

  PolicyNoise Noise(const MixtureHeads& heads) {
    const int64_t rows = heads.mean.size(1);
    PolicyNoise noise = {Normal(heads.mean.sizes())};
    if (options_.loss.estimator == Estimator::kReinforce) {
      noise.primitive = Uniform({options_.seeds, rows});
    }
    if (options_.loss.estimator == Estimator::kGumbel) {
      const Tensor uniform = Uniform({options_.seeds, rows, options_.primitives});
      noise.gumbel = -(-uniform.clamp_min(0x1p-25).log()).log();
    }
    return noise;
  }

  PolicyLossTerms Loss(int64_t rows) {
    const MixtureHeads heads = Heads(rows);
    const auto critic = [&](const Tensor& action) {
      return Height(action.squeeze(3), options_.left_height).unsqueeze(1);
    };
    return PolicyLoss(options_.loss, heads, Noise(heads), alpha_, critic);
  }

  std::vector<double> FrequencyError(const MixtureHeads& heads) {
    const int64_t components = heads.mean.size(2);
    Tensor wins = at::zeros({options_.seeds, components}, at::kDouble);
    constexpr int kRounds = 10, kRows = 1000;
    for (int round = 0; round < kRounds; ++round) {
      wins += at::one_hot(Loss(kRows).best, components).sum(1).to(at::kDouble);
    }
    const Tensor w = heads.RouterWeights().squeeze(1).to(at::kDouble);
    return ToVector((w - wins / double{kRounds * kRows}).abs().amax(1));
  }

  static std::vector<double> ToVector(const Tensor& x) {
    const Tensor values = x.contiguous();
    return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
  }

  BanditOptions options_;
  at::Generator generator_;
  Head mean_, log_std_, logits_;  // [M, 1, K, 1], [M, 1, K, 1], [M, 1, K]
  Tensor alpha_;                  // [M, 1]
};

}  // namespace

BanditResult RunBandit(const BanditOptions& options) {
  Bandit bandit(options);
  for (int step = 0; step < options.steps; ++step) bandit.Step();
  return bandit.Evaluate();
}

}  // namespace pmoe
