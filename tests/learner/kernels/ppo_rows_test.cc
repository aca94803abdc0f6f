// PPO's losses against their definition, gradients against finite differences. B rows, K
// primitives.
#include "learner/kernels/ppo_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "learner/kernels/mixture_rows.h"
#include "tests/learner/kernels/finite_differences.h"

namespace pmoe {
namespace {

constexpr long kRows = 24, kPrimitives = 4;
constexpr double kClip = 0.2;

TEST(PpoRowsTest, TheSurrogatesGradientIsItsSlope) {
  const Doubles old = Normals(kRows, 1), advantage = Normals(kRows, 2);
  Doubles log_prob = Normals(kRows, 3, 0.3), gradient(kRows), unused(kRows);
  for (size_t i = 0; i < kRows; ++i) log_prob[i] += old[i];
  const auto loss = [&](const Doubles& x, Doubles* to) {
    return SurrogateRows(kRows, kClip, x.data(), old.data(), advantage.data(), to->data());
  };
  const SurrogateSums sums = loss(log_prob, &gradient);
  double expected = 0.0, clipped = 0.0;
  for (size_t i = 0; i < kRows; ++i) {
    const double r = std::exp(log_prob[i] - old[i]);
    expected -= std::min(r * advantage[i], std::clamp(r, 0.8, 1.2) * advantage[i]) / kRows;
    clipped += std::abs(r - 1.0) > kClip ? 1.0 / kRows : 0.0;
  }
  EXPECT_NEAR(sums.loss, expected, 1e-12);
  EXPECT_NEAR(sums.clip_share, clipped, 1e-12);
  EXPECT_GT(clipped, 0.1);
  EXPECT_LT(
      GradientError(log_prob, gradient, [&](const Doubles& x) { return loss(x, &unused).loss; }),
      kSlopeTolerance);
}

// min(r A, r A) inside the range: half of the gradient comes by each, all of it together.
TEST(PpoRowsTest, ATieOfTheSurrogateGivesAllItsGradient) {
  const double zero = 0.0, advantage = 2.0;
  double gradient = 0.0;
  SurrogateRows(1, kClip, &zero, &zero, &advantage, &gradient);
  EXPECT_EQ(gradient, -2.0);
}

// Losses and gradients of rows of which one number is none; the loss must say so, for it is what a
// run looks at.
TEST(PpoRowsTest, ANumberThatIsNoneStaysInTheLossWhicheverItIs) {
  const double nan = std::nan("");
  const auto broken = [&](uint32_t stream, bool here) {
    Doubles numbers = Normals(kRows * kPrimitives, stream);
    if (here) numbers[5] = nan;
    return numbers;
  };
  Doubles to(kRows * kPrimitives), to_logits(kRows * kPrimitives);
  Doubles target(kRows * kPrimitives, 0.0);
  for (size_t b = 0; b < kRows; ++b)
    target[b * kPrimitives + 1] = 1.0;  // 5 is of row 1, its primitive 1
  for (int which = 0; which < 3; ++which) {
    const Doubles a = broken(1, which == 0), b = broken(2, which == 1), c = broken(3, which == 2);
    EXPECT_TRUE(
        std::isnan(SurrogateRows(kRows, kClip, a.data(), b.data(), c.data(), to.data()).loss))
        << which;
    EXPECT_TRUE(std::isnan(to[5])) << which;
    for (const double clip : {0.0, kClip}) {
      if (clip == 0.0 && which == 1) continue;  // without a clip nothing reads the old value
      EXPECT_TRUE(
          std::isnan(ValueRows(kRows, clip, 1.0, a.data(), 1, b.data(), c.data(), to.data())))
          << which << " " << clip;
    }
    EXPECT_TRUE(std::isnan(
        EntropyRows(kRows, kPrimitives, 1.0, a.data(), b.data(), c.data(), to_logits.data())))
        << which;
  }
  for (const bool cross_entropy : {false, true}) {
    const Doubles log_w = broken(1, cross_entropy), w = broken(2, !cross_entropy);
    EXPECT_TRUE(std::isnan(
        FrequencyRows<double>(kRows, kPrimitives, {.cross_entropy = cross_entropy}, log_w.data(),
                              w.data(), target.data(), nullptr, to_logits.data())));
  }
  Doubles standardized = broken(4, true);
  StandardizeRows(kRows, standardized.data());
  EXPECT_TRUE(std::isnan(standardized[0]));
  EXPECT_TRUE(std::isnan(SquaredNorm(kRows, broken(4, true).data())));
}

// A NaN of the largest that other numbers are compared with must not give way to them.
TEST(PpoRowsTest, ALogitOrADensityThatIsNoneMakesNoneOfTheWholeRow) {
  for (long at = 0; at < kPrimitives; ++at) {
    Doubles logits = Normals(kPrimitives, 1), log_w(kPrimitives), w(kPrimitives),
            share(kPrimitives);
    logits[static_cast<size_t>(at)] = std::nan("");
    LogSoftmax<double>(1, kPrimitives, {logits.data(), 0}, log_w.data(), w.data());
    const Doubles even(kPrimitives, -1.0);
    double log_prob = 0.0;
    MixtureLogDensity(1, kPrimitives, even.data(), logits.data(), &log_prob, share.data());
    EXPECT_TRUE(std::isnan(log_prob)) << at;
    for (size_t k = 0; k < kPrimitives; ++k) {
      EXPECT_TRUE(std::isnan(log_w[k]) && std::isnan(w[k]) && std::isnan(share[k])) << at << k;
    }
  }
  double raw = std::nan(""), log_std = 0.0, std = 0.0, inv_std = 0.0;
  ClampLogStd(1, &raw, &log_std, &std, &inv_std);
  EXPECT_TRUE(std::isnan(log_std) && std::isnan(std) && std::isnan(inv_std));
}

class ValueRowsTest : public ::testing::TestWithParam<double> {};

TEST_P(ValueRowsTest, TheGradientIsTheSlope) {
  const Doubles old = Normals(kRows, 1), returns = Normals(kRows, 2);
  Doubles value = Normals(kRows, 3, 0.5), gradient(kRows), unused(kRows);
  for (size_t i = 0; i < kRows; ++i) value[i] += old[i];
  const auto loss = [&](const Doubles& x, Doubles* to) {
    return ValueRows(kRows, GetParam(), 0.7, x.data(), 1, old.data(), returns.data(), to->data());
  };
  loss(value, &gradient);
  EXPECT_LT(
      GradientError(value, gradient, [&](const Doubles& x) { return 0.7 * loss(x, &unused); }),
      kSlopeTolerance);
}

INSTANTIATE_TEST_SUITE_P(Clips, ValueRowsTest, ::testing::Values(0.0, 0.2));

TEST(PpoRowsTest, TheQNetworksLossHasNoHalf) {
  const double value = 3.0, target = 1.0;
  double gradient = 0.0;
  EXPECT_EQ(SquaredErrorRows(1, &value, 1, &target, &gradient), 4.0);
  EXPECT_EQ(gradient, 4.0);
}

// One-hot at a primitive per row.
Doubles OneHots() {
  Doubles target(kRows * kPrimitives, 0.0);
  for (size_t b = 0; b < kRows; ++b) target[b * kPrimitives + b * 7 % kPrimitives] = 1.0;
  return target;
}

// Of a loss of the router's weights, by its logits.
using RouterLossOf = std::function<double(const Doubles& log_w, const Doubles& w, Doubles* to)>;
void ExpectTheSlope(const RouterLossOf& loss_of) {
  const Doubles logits = Normals(kRows * kPrimitives, 1);
  const auto loss = [&](const Doubles& x, Doubles* to) {
    Doubles log_w(x.size()), w(x.size());
    LogSoftmax<double>(kRows, kPrimitives, {x.data(), kPrimitives}, log_w.data(), w.data());
    return loss_of(log_w, w, to);
  };
  Doubles gradient(logits.size(), 0.0), unused(logits.size());
  EXPECT_GT(std::abs(loss(logits, &gradient)), 0.0);
  EXPECT_LT(GradientError(logits, gradient, [&](const Doubles& x) { return loss(x, &unused); }),
            kSlopeTolerance);
}

class FrequencyRowsTest : public ::testing::TestWithParam<FrequencyOptions> {};

TEST_P(FrequencyRowsTest, TheGradientIsTheSlope) {
  Doubles tilted(kRows * kPrimitives), row_weight = Normals(kRows, 5);
  const Doubles even(tilted.size(), -1.0), score = Normals(static_cast<int>(tilted.size()), 4);
  TiltedWeights(kRows, kPrimitives, 0.5, even.data(), score.data(), tilted.data());
  for (double& weight : row_weight) weight = weight > 0 ? 1.0 : 0.0;
  const Doubles one_hots = OneHots();
  for (const Doubles* const target : {&one_hots, static_cast<const Doubles*>(&tilted)}) {
    for (const double* const weight :
         {static_cast<const double*>(nullptr), static_cast<const double*>(row_weight.data())}) {
      ExpectTheSlope([&](const Doubles& log_w, const Doubles& w, Doubles* to) {
        return GetParam().coef * FrequencyRows<double>(kRows, kPrimitives, GetParam(), log_w.data(),
                                                       w.data(), target->data(), weight,
                                                       to->data());
      });
    }
  }
}

TEST(PpoRowsTest, TheEntropyFloorsGradientIsTheSlope) {
  ExpectTheSlope([&](const Doubles& log_w, const Doubles& w, Doubles* to) {
    return 0.7 * EntropyFloorRows<double>(kRows, kPrimitives, 0.9 * std::log(kPrimitives), 0.7,
                                          log_w.data(), w.data(), to->data());
  });
}

TEST(PpoRowsTest, WithoutAFloorTheEntropyIsLeftAlone) {
  const Doubles logits = Normals(kRows * kPrimitives, 1);
  Doubles log_w(logits.size()), w(logits.size()), to(logits.size(), 0.0);
  LogSoftmax<double>(kRows, kPrimitives, {logits.data(), kPrimitives}, log_w.data(), w.data());
  EXPECT_EQ(
      EntropyFloorRows<double>(kRows, kPrimitives, 0.0, 1.0, log_w.data(), w.data(), to.data()),
      0.0);
  EXPECT_EQ(to, Doubles(logits.size(), 0.0));
}

TEST(PpoRowsTest, TiltedWeightsAreInProportionToTheirExponentials) {
  const Doubles log_w = {std::log(0.5), std::log(0.3), std::log(0.2)}, score = {1.0, 2.0, -400.0};
  Doubles tilted(3);
  TiltedWeights(1, 3, 2.0, log_w.data(), score.data(), tilted.data());
  const double a = 0.5 * std::exp(0.5), b = 0.3 * std::exp(1.0);
  EXPECT_NEAR(tilted[0], a / (a + b), 1e-12);
  EXPECT_NEAR(tilted[1], b / (a + b), 1e-12);
  EXPECT_NEAR(tilted[2], 0.0, 1e-12);
}

TEST(PpoRowsTest, OnlyTheArmThatActedLearns) {
  const Doubles value = {1.0, 2.0, 3.0, 4.0}, target = {0.0, 1.0};
  const std::vector<int> arm = {1, 0};
  Doubles to(4, 9.0);
  EXPECT_EQ(ArmErrorRows(2, 2, arm.data(), value.data(), target.data(), to.data()), 4.0);
  EXPECT_EQ(to, Doubles({0.0, 2.0, 2.0, 0.0}));
}

INSTANTIATE_TEST_SUITE_P(Forms, FrequencyRowsTest,
                         ::testing::Values(FrequencyOptions{1.0, false, false},
                                           FrequencyOptions{0.5, false, true},
                                           FrequencyOptions{2.0, true, false}));

// The gradient goes through soft weights, whose noise holds still: the slope of sum_b c_b sum_k
// softmax((log w_k + G_k) / tau) N_k / N_acted.
TEST(PpoRowsTest, TheGumbelGradientIsTheSlopeThroughSoftWeights) {
  const double tau = 0.6;
  const Doubles logits = Normals(kRows * kPrimitives, 1), log_n = Normals(kRows * kPrimitives, 2);
  const Doubles by_log_prob = Normals(kRows, 3);
  std::vector<int> acted;
  std::vector<float> uniform;
  Rng rng(1, RngRole::kLearner, 9);
  for (int b = 0; b < kRows; ++b) acted.push_back(b * 5 % kPrimitives);
  for (size_t i = 0; i < logits.size(); ++i) uniform.push_back(rng.UniformFloat());
  Doubles log_w(logits.size()), w(log_w), moved_log_w(log_w), scratch(kPrimitives);
  LogSoftmax<double>(kRows, kPrimitives, {logits.data(), kPrimitives}, log_w.data(), w.data());
  Doubles gradient(logits.size(), 0.0);
  GumbelGradientRows(kRows, kPrimitives, tau, log_n.data(), log_w.data(), w.data(), acted.data(),
                     uniform.data(), by_log_prob.data(), scratch.data(), gradient.data());
  const auto loss = [&](const Doubles& x) {
    LogSoftmax<double>(kRows, kPrimitives, {x.data(), kPrimitives}, moved_log_w.data(), w.data());
    double all = 0.0;
    for (size_t b = 0; b < kRows; ++b) {
      const size_t first = b * kPrimitives, j = first + static_cast<size_t>(acted[b]);
      double sum = 0.0, weighted = 0.0;
      for (size_t i = first; i < first + kPrimitives; ++i) {
        const auto time = [&](size_t at) { return -std::log(static_cast<double>(uniform[at])); };
        const double arrival = i == j ? time(j) : time(i) / std::exp(log_w[i]) + time(j);
        const double y = std::exp((moved_log_w[i] - std::log(arrival) - log_w[i]) / tau);
        sum += y;
        weighted += y * std::exp(log_n[i] - log_n[j]);
      }
      all += by_log_prob[b] * weighted / sum;
    }
    return all;
  };
  EXPECT_LT(GradientError(logits, gradient, loss), 1e-6);
}

TEST(PpoRowsTest, StandardizingTakesTheUnbiasedStd) {
  Doubles x = {1.0, 2.0, 3.0, 6.0};
  StandardizeRows(4, x.data());
  const double std = std::sqrt(14.0 / 3.0) + 1e-8;
  EXPECT_NEAR(x[0], -2.0 / std, 1e-12);
  EXPECT_NEAR(x[3], 3.0 / std, 1e-12);
}

TEST(PpoRowsTest, ZerosBehindChangeNoBitOfTheNorm) {
  std::vector<float> x;
  for (const double value : Normals(3000, 1)) x.push_back(static_cast<float>(value));
  const double norm = SquaredNorm(3000, x.data());
  double expected = 0.0;
  for (const float value : x) expected += double{value} * value;
  EXPECT_NEAR(norm, expected, 1e-3);
  x.resize(5000, 0.0f);
  EXPECT_EQ(SquaredNorm(5000, x.data()), norm);
}

}  // namespace
}  // namespace pmoe
