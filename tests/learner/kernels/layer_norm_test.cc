// Layer normalisation against its definition and finite differences, in double.
#include "learner/kernels/layer_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/learner/kernels/finite_differences.h"

namespace pmoe {
namespace {

class LayerNormTest : public ::testing::TestWithParam<int> {
 protected:
  long width() const { return GetParam(); }
  Doubles Some(uint32_t stream) const { return Normals(static_cast<size_t>(width()), stream, 3.0); }
};

TEST_P(LayerNormTest, HasMeanZeroAndVarianceOne) {
  const Doubles before = Some(1);
  Doubles x = before;
  const double inverse_std = Normalize(width(), x.data());
  double mean = 0, variance = 0;
  for (const double value : before) mean += value / static_cast<double>(width());
  for (const double value : before) {
    variance += (value - mean) * (value - mean) / static_cast<double>(width());
  }
  EXPECT_NEAR(inverse_std, 1.0 / std::sqrt(variance + 1e-5), 1e-12);
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(x[i], (before[i] - mean) / std::sqrt(variance + 1e-5), 1e-12);
  }
}

TEST_P(LayerNormTest, ItsGradientIsItsSlope) {
  const Doubles x = Some(1), gain = Some(2), dy = Some(3);
  Doubles normal = x, dx(x.size());
  const double inverse_std = Normalize(width(), normal.data());
  NormalizeGradient(width(), inverse_std, normal.data(), gain.data(), dy.data(), dx.data());
  const auto loss = [&](Doubles at) {
    Normalize(width(), at.data());
    double sum = 0;
    for (size_t i = 0; i < at.size(); ++i) sum += dy[i] * gain[i] * at[i];
    return sum;
  };
  EXPECT_LT(GradientError(x, dx, loss), 1e-6);
}

// Fewer than the lanes of a sum, as many, and some more.
INSTANTIATE_TEST_SUITE_P(Widths, LayerNormTest, ::testing::Values(2, 7, 16, 37, 256));

TEST(LayerNormRowTest, EqualNumbersBecomeZero) {
  Doubles x(5, 7.0);
  Normalize(5, x.data());
  for (const double value : x) EXPECT_EQ(value, 0.0);
}

TEST(LayerNormRowTest, ScalesShiftsAndCutsBelowZero) {
  const float normal[] = {1, -1, 2}, gain[] = {2, 3, 0.5f}, shift[] = {1, 1, -3};
  float y[3];
  ScaleAndRelu(3, normal, gain, shift, y);
  EXPECT_EQ(y[0], 3.0f);
  EXPECT_EQ(y[1], 0.0f);
  EXPECT_EQ(y[2], 0.0f);
}

TEST(LayerNormRowTest, WhatIsNoNumberStays) {
  float x[] = {1, std::numeric_limits<float>::quiet_NaN(), 2}, y[3];
  const float one[] = {1, 1, 1};
  Normalize(3, x);
  ScaleAndRelu(3, x, one, one, y);
  for (const float value : y) EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace pmoe
