// Streamed moments against two passes over all rows at once.
#include "learner/ppo/running_moments.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/base/rng.h"

namespace pmoe {
namespace {

constexpr int kDims = 3;

// n rows whose dimension i is N(offset + i, (i + 1)^2).
std::vector<float> Rows(int n, double offset, Rng* rng) {
  std::vector<float> rows;
  for (int r = 0; r < n; ++r) {
    for (int i = 0; i < kDims; ++i) {
      rows.push_back(static_cast<float>(offset + i + (i + 1) * rng->Normal()));
    }
  }
  return rows;
}

struct Moments {
  double mean = 0.0, variance = 0.0;
};

Moments TwoPasses(const std::vector<float>& rows, int dim) {
  const size_t n = rows.size() / kDims;
  Moments moments;
  for (size_t r = 0; r < n; ++r) moments.mean += rows[r * kDims + dim] / static_cast<double>(n);
  for (size_t r = 0; r < n; ++r) {
    const double d = rows[r * kDims + dim] - moments.mean;
    moments.variance += d * d / static_cast<double>(n);
  }
  return moments;
}

class RunningMomentsTest : public ::testing::TestWithParam<double> {};

TEST_P(RunningMomentsTest, AreThoseOfAllRowsHoweverTheyCame) {
  Rng rng(1, RngRole::kLearner, 0);
  RunningMoments moments(kDims);
  std::vector<float> all;
  for (const int n : {1, 7, 2, 100, 1, 31}) {
    const std::vector<float> rows = Rows(n, GetParam(), &rng);
    moments.Update(rows);
    all.insert(all.end(), rows.begin(), rows.end());
    for (int i = 0; i < kDims; ++i) {
      const Moments expected = TwoPasses(all, i);
      EXPECT_NEAR(moments.mean()[i], expected.mean, 1e-12 * (1.0 + std::abs(expected.mean)));
      EXPECT_NEAR(moments.Std(i), std::sqrt(expected.variance + 1e-8), 1e-9);
    }
  }
}

// Far from 0 a sum of squares would lose every digit of the variance.
INSTANTIATE_TEST_SUITE_P(Offsets, RunningMomentsTest, ::testing::Values(0.0, -3.0, 1e5));

TEST(RunningMomentsTest, BeginWithMeanZeroAndDeviationOne) {
  const RunningMoments moments(kDims);
  for (int i = 0; i < kDims; ++i) {
    EXPECT_EQ(moments.mean()[i], 0.0);
    EXPECT_EQ(static_cast<float>(moments.Std(i)), 1.0f);
  }
}

TEST(RunningMomentsTest, ForgetTheirStartWithTheFirstRows) {
  RunningMoments moments(1);
  moments.Update({4.0f, 4.0f});
  EXPECT_EQ(moments.mean()[0], 4.0);
  EXPECT_NEAR(moments.Std(0), 1e-4, 1e-12);  // a constant is divided by the floor's root
}

TEST(RunningMomentsTest, StayWithoutRows) {
  RunningMoments moments(2);
  moments.Update({});
  EXPECT_EQ(moments.mean()[1], 0.0);
  EXPECT_EQ(static_cast<float>(moments.Std(1)), 1.0f);
}

TEST(RunningMomentsTest, ContinueFromTheirState) {
  Rng rng(2, RngRole::kLearner, 0);
  RunningMoments first(kDims), second(kDims);
  first.Update(Rows(20, 1.0, &rng));
  ByteWriter out;
  first.SaveState(&out);
  ByteReader in(out.bytes());
  second.LoadState(&in);
  const std::vector<float> more = Rows(5, -2.0, &rng);
  first.Update(more);
  second.Update(more);
  EXPECT_EQ(first.mean(), second.mean());
  for (int i = 0; i < kDims; ++i) EXPECT_EQ(first.Std(i), second.Std(i));
}

}  // namespace
}  // namespace pmoe
