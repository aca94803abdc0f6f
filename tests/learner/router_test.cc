// Both router losses lead the router to the win frequencies, in the steps that were measured.
// M seeds, B batch, K primitives.
#include <gtest/gtest.h>

#include "ATen/ops/tensor.h"
#include "ATen/ops/zeros.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/losses.h"
#include "learner/nets/optimizer.h"
#include "learner/sac/policy_loss.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

using at::Tensor;

constexpr int64_t kSeeds = 16, kBatch = 100, kPrimitives = 4;

struct Case {
  const char* name;
  RouterLoss loss;
  double lr;
  double worst_logit;  // of the primitive that wins least
  double steps;        // measured with one seed, to a largest error of .02
};

// Mean over the seeds of the first step with max_k |w_k - f_k| < .02.
double StepsToFrequencies(const Case& c, int steps_max) {
  const Tensor f = at::tensor({0.5f, 0.3f, 0.15f, 0.05f});
  Tensor logits = at::zeros({kSeeds, 1, kPrimitives}, at::kFloat);
  logits.select(2, kPrimitives - 1).fill_(c.worst_logit);
  logits.requires_grad_(true);
  Tensor gradient = at::zeros_like(logits);
  logits.mutable_grad() = gradient;
  Optimizer adam({c.lr}, gradient);
  Rng rng(11, RngRole::kLearnerRouter, 0);
  std::vector<int> hit(kSeeds, 0);
  int64_t missing = kSeeds;
  for (int step = 1; step <= steps_max && missing > 0; ++step) {
    const Tensor uniform = UniformTensor({kSeeds, kBatch}, &rng);
    const Tensor best = DrawPrimitive(f.expand({kSeeds, kBatch, kPrimitives}), uniform);
    const Tensor z = logits.expand({kSeeds, kBatch, kPrimitives});
    const Tensor loss = c.loss == RouterLoss::kBrier ? FrequencyLoss(z.softmax(2), best, false)
                                                     : RouterCrossEntropy(z.log_softmax(2), best);
    loss.sum().backward();
    adam.Step(&logits, &gradient);
    const Tensor error = (logits.detach().squeeze(1).softmax(1) - f).abs().amax(1).contiguous();
    for (int64_t m = 0; m < kSeeds; ++m) {
      if (hit[m] > 0 || error.data_ptr<float>()[m] >= 0.02f) continue;
      hit[m] = step;
      --missing;
    }
  }
  EXPECT_EQ(missing, 0) << "seeds without the frequencies after " << steps_max << " steps";
  double sum = 0.0;
  for (const int step : hit) sum += step;
  return sum / kSeeds;
}

class RouterTest : public ::testing::TestWithParam<Case> {};

TEST_P(RouterTest, ReachesTheWinFrequenciesInTheMeasuredSteps) {
  const Case& c = GetParam();
  const double steps = StepsToFrequencies(c, static_cast<int>(3.0 * c.steps));
  EXPECT_NEAR(steps, c.steps, 0.25 * c.steps);
  RecordProperty("steps", static_cast<int>(steps));
}

INSTANTIATE_TEST_SUITE_P(
    Losses, RouterTest,
    ::testing::Values(
        Case{"brier_slow", RouterLoss::kBrier, 1e-3, 0.0, 2708},
        Case{"cross_entropy_slow", RouterLoss::kCrossEntropy, 1e-3, 0.0, 1840},
        Case{"brier_fast", RouterLoss::kBrier, 1e-2, 0.0, 287},
        Case{"cross_entropy_fast", RouterLoss::kCrossEntropy, 1e-2, 0.0, 185},
        Case{"brier_slow_from_wrong", RouterLoss::kBrier, 1e-3, 8.0, 6723},
        Case{"cross_entropy_slow_from_wrong", RouterLoss::kCrossEntropy, 1e-3, 8.0, 7838},
        Case{"brier_fast_from_wrong", RouterLoss::kBrier, 1e-2, 8.0, 817},
        Case{"cross_entropy_fast_from_wrong", RouterLoss::kCrossEntropy, 1e-2, 8.0, 1133}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace pmoe
