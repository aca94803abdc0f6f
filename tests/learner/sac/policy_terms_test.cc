// The losses of policy and router against central differences in what they read, in double.
// n rows, K primitives.
#include "learner/sac/policy_terms.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "tests/learner/test_options.h"

namespace pmoe {
namespace {

constexpr int kPrimitives = 4, kRows = 6;
constexpr double kStep = 1e-6, kTolerance = 1e-8, kAlpha = 0.3;

struct Variant {
  const char* name;
  void (*change)(SacOptions* options);
};

const Variant kVariants[] = {
    {"max", [](SacOptions*) {}},
    {"all", [](SacOptions* o) { o->primitive_backprop = PrimitiveBackprop::kAll; }},
    {"loser_weight", [](SacOptions* o) { o->loser_weight = 0.4; }},
    {"cross_entropy", [](SacOptions* o) { o->router_loss = RouterLoss::kCrossEntropy; }},
    {"mean", [](SacOptions* o) { o->freq_reduction = Reduction::kMean; }},
    {"marginal", [](SacOptions* o) { o->estimator = Estimator::kMarginal; }},
};

class PolicyTermsTest : public ::testing::TestWithParam<Variant> {
 protected:
  PolicyTermsTest()
      : columns_(NetPlan(MakePolicySpec(Options()).layers, {{1}, false}),
                 MakePolicySpec(Options())),
        heads_(columns_, kRows),
        terms_(kPrimitives, kRows) {
    Rng rng(5, RngRole::kInit, 0);
    for (int i = 0; i < kRows * kPrimitives; ++i) {
      logit_.push_back(rng.Normal());
      q_.push_back(rng.Normal());
      log_prob_.push_back(rng.Normal());
    }
    options_ = TestSacOptions();
    options_.freq_coef = 0.7;
    GetParam().change(&options_);
  }
  static PolicyOptions Options() {
    PolicyOptions options;
    options.obs_dim = 1;
    options.action_low = {-1.0};
    options.action_high = {1.0};
    options.head = HeadType::kMixture;
    options.primitives = kPrimitives;
    options.hidden.clear();
    return options;
  }

  // The mean over rows of both losses, from logits, q and log-probabilities.
  double Loss() {
    for (int i = 0; i < kRows; ++i) {
      const double* const z = logit_.data() + i * kPrimitives;
      double sum = 0.0;
      for (int k = 0; k < kPrimitives; ++k) sum += std::exp(z[k]);
      for (int k = 0; k < kPrimitives; ++k) {
        const size_t at = static_cast<size_t>(i * kPrimitives + k);
        heads_.w[at] = std::exp(z[k]) / sum;
        heads_.log_w[at] = std::log(heads_.w[at]);
      }
    }
    terms_.Evaluate(options_,
                    {&heads_, q_.data(), log_prob_.data(), nullptr, kAlpha, kRows, kRows});
    double loss = 0.0;
    for (size_t i = 0; i < kRows; ++i) {
      loss += terms_.primitive_loss[i] + options_.freq_coef * terms_.router_loss[i];
    }
    return loss / kRows;
  }
  void ExpectSlopes(std::vector<double>* of, const AlignedVector<double>& gradient,
                    const char* what) {
    Loss();
    const std::vector<double> slopes(gradient.begin(), gradient.end());
    for (size_t j = 0; j < of->size(); ++j) {
      const double before = (*of)[j];
      (*of)[j] = before + kStep;
      const double above = Loss();
      (*of)[j] = before - kStep;
      const double below = Loss();
      (*of)[j] = before;
      EXPECT_NEAR((above - below) / (2 * kStep), slopes[j], kTolerance) << what << " " << j;
    }
  }

  HeadColumns columns_;
  HeadRows<double> heads_;
  PolicyTerms<double> terms_;
  SacOptions options_;
  std::vector<double> logit_, q_, log_prob_;
};

TEST_P(PolicyTermsTest, GradientsAreTheLosses) {
  ExpectSlopes(&q_, terms_.dq, "q");
  ExpectSlopes(&log_prob_, terms_.dlog_prob, "log_prob");
  ExpectSlopes(&logit_, terms_.dlogit, "logit");
}

INSTANTIATE_TEST_SUITE_P(Variants, PolicyTermsTest, ::testing::ValuesIn(kVariants),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace pmoe
