// One Gaussian of K: gradients against finite differences; composite_test.cc has the values'
// oracles. B rows, K primitives, A action_dim.
#include "learner/kernels/compose_rows.h"

#include <gtest/gtest.h>

#include "tests/learner/kernels/finite_differences.h"

namespace pmoe {
namespace {

constexpr long kRows = 3, kPrimitives = 4, kActions = 2, kWidth = kPrimitives * kActions;

struct Heads {
  Doubles mean = Normals(kRows * kWidth, 1), log_std = Normals(kRows * kWidth, 2, 0.4);
  Doubles w = Normals(kRows * kPrimitives, 3);

  Heads() {
    for (double& x : w) x = 1.0 / (1.0 + std::exp(-x));
  }
  ComposedRows<double> rows(Composition composition) const {
    return {composition,
            {kRows, kPrimitives, kActions},
            {mean.data(), kWidth},
            {log_std.data(), kWidth},
            {w.data(), kPrimitives}};
  }
};

class ComposeRowsTest : public ::testing::TestWithParam<Composition> {};

TEST_P(ComposeRowsTest, GradientsAreTheSlopes) {
  const Heads heads;
  const Doubles by_mean = Normals(kRows * kActions, 5), by_log_std = Normals(kRows * kActions, 6);
  Doubles to_mean(kRows * kWidth), to_log_std(kRows * kWidth), to_w(kRows * kPrimitives);
  ComposeGradient<double>(heads.rows(GetParam()), by_mean.data(), by_log_std.data(),
                          {to_mean.data(), kWidth}, {to_log_std.data(), kWidth}, to_w.data());
  const auto error = [&](Doubles Heads::*of, const Doubles& gradient) {
    return GradientError(heads.*of, gradient, [&](const Doubles& x) {
      Heads moved = heads;
      moved.*of = x;
      Doubles mean(kRows * kActions), log_std(kRows * kActions);
      Compose(moved.rows(GetParam()), mean.data(), log_std.data());
      double sum = 0.0;
      for (size_t i = 0; i < mean.size(); ++i) {
        sum += by_mean[i] * mean[i] + by_log_std[i] * log_std[i];
      }
      return sum;
    });
  };
  EXPECT_LT(error(&Heads::mean, to_mean), kSlopeTolerance);
  EXPECT_LT(error(&Heads::log_std, to_log_std), kSlopeTolerance);
  EXPECT_LT(error(&Heads::w, to_w), kSlopeTolerance);
}

INSTANTIATE_TEST_SUITE_P(Compositions, ComposeRowsTest,
                         ::testing::Values(Composition::kGated, Composition::kGatedSquared,
                                           Composition::kMultiplied));

TEST(SoftmaxGradientTest, IsTheSlope) {
  const Doubles logits = Normals(kPrimitives, 1), by_w = Normals(kPrimitives, 2);
  Doubles log_w(kPrimitives), w(kPrimitives), gradient = by_w;
  LogSoftmax<double>(1, kPrimitives, {logits.data(), kPrimitives}, log_w.data(), w.data());
  SoftmaxGradient<double>(1, kPrimitives, {w.data(), kPrimitives}, gradient.data());
  EXPECT_LT(
      GradientError(
          logits, gradient,
          [&](const Doubles& x) {
            LogSoftmax<double>(1, kPrimitives, {x.data(), kPrimitives}, log_w.data(), w.data());
            double sum = 0.0;
            for (size_t k = 0; k < kPrimitives; ++k) sum += by_w[k] * w[k];
            return sum;
          }),
      kSlopeTolerance);
}

}  // namespace
}  // namespace pmoe
