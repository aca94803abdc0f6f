// Densities against their closed form, gradients against finite differences. B rows, K primitives,
// A action_dim.
#include "learner/kernels/mixture_rows.h"

#include <gtest/gtest.h>

#include <numbers>

#include "learner/kernels/ppo_rows.h"
#include "tests/learner/kernels/finite_differences.h"

namespace pmoe {
namespace {

constexpr long kRows = 3, kPrimitives = 4, kActions = 2, kWidth = kPrimitives * kActions;
constexpr GaussianShape kShape = {kRows, kPrimitives, kActions};

// What heads say, and what a batch makes of it.
struct Batch {
  Doubles mean = Normals(kRows * kWidth, 1), raw = Normals(kRows * kWidth, 2, 0.5);
  Doubles logits = Normals(kRows * kPrimitives, 3);
  Doubles action = Normals(kRows * kWidth, 4);  // each row's, K times
  Doubles log_std = raw, std = raw, inv_std = raw, z = raw;
  Doubles log_w = logits, w = logits, log_n = logits, share = logits, log_prob = Doubles(kRows);

  Batch() {
    for (long b = 0; b < kRows; ++b) {
      for (long i = kActions; i < kWidth; ++i) {
        action[static_cast<size_t>(b * kWidth + i)] =
            action[static_cast<size_t>(b * kWidth + i % kActions)];
      }
    }
  }
  GaussianRows<double> rows() const {
    return {{mean.data(), kWidth}, {log_std.data(), kWidth}, {inv_std.data(), kWidth}};
  }
  void Compute() {
    ClampLogStd(kRows * kWidth, raw.data(), log_std.data(), std.data(), inv_std.data());
    LogSoftmax<double>(kRows, kPrimitives, {logits.data(), kPrimitives}, log_w.data(), w.data());
    LogDensities(kShape, rows(), action.data(), z.data(), log_n.data());
    MixtureLogDensity(kRows, kPrimitives, log_w.data(), log_n.data(), log_prob.data(),
                      share.data());
  }
  // sum_b (b + 1) log pi_mix(a_b)
  double Loss() {
    Compute();
    double sum = 0.0;
    for (size_t b = 0; b < kRows; ++b) sum += static_cast<double>(b + 1) * log_prob[b];
    return sum;
  }
};

TEST(MixtureRowsTest, TheDensityIsTheClosedForm) {
  Batch batch;
  batch.Compute();
  for (size_t b = 0; b < kRows; ++b) {
    double density = 0.0;
    for (size_t k = 0; k < kPrimitives; ++k) {
      double factor = batch.w[b * kPrimitives + k];
      for (size_t j = 0; j < kActions; ++j) {
        const size_t i = b * kWidth + k * kActions + j;
        const double s = std::exp(batch.raw[i]), apart = (batch.action[i] - batch.mean[i]) / s;
        factor *= std::exp(-0.5 * apart * apart) / (s * std::sqrt(2.0 * std::numbers::pi));
      }
      density += factor;
    }
    EXPECT_NEAR(batch.log_prob[b], std::log(density), 1e-12);
  }
}

TEST(MixtureRowsTest, GradientsOfTheMixturesDensityAreTheSlopes) {
  Batch batch;
  batch.Compute();
  Doubles g(kRows * kPrimitives), by_logits(g), by_mean(kRows * kWidth), by_log_std(by_mean);
  for (size_t b = 0; b < kRows; ++b) {
    for (size_t i = b * kPrimitives; i < (b + 1) * kPrimitives; ++i) {
      g[i] = static_cast<double>(b + 1) * batch.share[i];
      by_logits[i] = static_cast<double>(b + 1) * (batch.share[i] - batch.w[i]);
    }
  }
  DensityGradient<double>(kShape, batch.rows(), batch.z.data(), g.data(), {by_mean.data(), kWidth},
                          {by_log_std.data(), kWidth});
  const auto error = [&](Doubles Batch::*of, const Doubles& gradient) {
    return GradientError(batch.*of, gradient, [&](const Doubles& x) {
      Batch moved = batch;
      moved.*of = x;
      return moved.Loss();
    });
  };
  EXPECT_LT(error(&Batch::mean, by_mean), kSlopeTolerance);
  EXPECT_LT(error(&Batch::raw, by_log_std), kSlopeTolerance);
  EXPECT_LT(error(&Batch::logits, by_logits), kSlopeTolerance);
}

TEST(MixtureRowsTest, GradientsOfTheEntropyAreTheSlopes) {
  Batch batch;
  const auto entropy = [](Batch* of, Doubles* by_logits) {
    of->Compute();
    Doubles gaussian(kRows * kPrimitives, 0.0);
    for (size_t i = 0; i < of->log_std.size(); ++i) gaussian[i / kActions] += of->log_std[i];
    return EntropyRows(kRows, kPrimitives, by_logits == nullptr ? 0.0 : 1.0, of->log_w.data(),
                       of->w.data(), gaussian.data(),
                       by_logits == nullptr ? nullptr : by_logits->data());
  };
  Doubles by_logits(kRows * kPrimitives, 0.0), by_log_std(kRows * kWidth, 0.0);
  entropy(&batch, &by_logits);
  Doubles share = batch.w;
  for (double& x : share) x /= kRows;
  AddEntropyGradient<double>(kShape, share.data(), {by_log_std.data(), kWidth});
  const auto error = [&](Doubles Batch::*of, const Doubles& gradient) {
    return GradientError(batch.*of, gradient, [&](const Doubles& x) {
      Batch moved = batch;
      moved.*of = x;
      return entropy(&moved, nullptr);
    });
  };
  EXPECT_LT(error(&Batch::raw, by_log_std), kSlopeTolerance);
  EXPECT_LT(error(&Batch::logits, by_logits), kSlopeTolerance);
}

TEST(MixtureRowsTest, TheClampPassesGradientsOnItsBoundsAndNotBeyond) {
  const Doubles raw = {-20.5, -20.0, 0.0, 2.0, 2.5, 1.0, -19.0, 3.0};
  Doubles gradient(kWidth, 1.0);
  MaskLogStdGradient<double>({1, kPrimitives, kActions}, {raw.data(), kWidth},
                             {gradient.data(), kWidth});
  EXPECT_EQ(gradient, Doubles({0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0}));
}

// Far from every primitive; the logarithm of the sum of densities would be that of 0.
TEST(MixtureRowsTest, TheDensityIsFiniteFarAway) {
  const float log_w[] = {-1.0f, -0.5f}, log_n[] = {-900.0f, -950.0f};
  float log_prob = 0.0f, share[2];
  MixtureLogDensity(1, 2, log_w, log_n, &log_prob, share);
  EXPECT_FLOAT_EQ(log_prob, -901.0f);
  EXPECT_FLOAT_EQ(share[0], 1.0f);
}

}  // namespace
}  // namespace pmoe
