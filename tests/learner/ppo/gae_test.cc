// Advantages against sums written out term by term. N rows, S segments.
#include "learner/ppo/gae.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/base/rng.h"

namespace pmoe {
namespace {

constexpr double kGamma = 0.97;

struct Example {
  std::vector<RolloutSegment> segments;
  std::vector<float> reward, value, bootstrap_value;

  GaeInput input() const { return {segments, reward, value, bootstrap_value}; }
};

// Segments that end in each way, one of them a single row.
Example MakeExample() {
  Example example;
  Rng rng(1, RngRole::kLearner, 0);
  const auto add = [&](int64_t length, SegmentEnd end) {
    RolloutSegment segment;
    segment.start = static_cast<int64_t>(example.reward.size());
    segment.length = length;
    segment.end = end;
    example.segments.push_back(segment);
    for (int64_t t = 0; t < length; ++t) {
      example.reward.push_back(rng.Normal());
      example.value.push_back(rng.Normal());
    }
    example.bootstrap_value.push_back(10.0f + rng.Normal());
  };
  add(9, SegmentEnd::kTerminated);
  add(1, SegmentEnd::kTerminated);
  add(7, SegmentEnd::kTruncated);
  add(1, SegmentEnd::kCut);
  add(12, SegmentEnd::kCut);
  return example;
}

// V of the row after t in its segment.
double NextValue(const Example& example, size_t s, int64_t t) {
  const RolloutSegment& segment = example.segments[s];
  if (t + 1 < segment.start + segment.length) return example.value[static_cast<size_t>(t + 1)];
  return segment.end == SegmentEnd::kTerminated ? 0.0 : double{example.bootstrap_value[s]};
}

// sum_l (gamma lambda)^l delta_{t+l} to the segment's end (arXiv 1506.02438 Eq. 16).
double Advantage(const Example& example, size_t s, int64_t t, double lambda) {
  const RolloutSegment& segment = example.segments[s];
  double sum = 0.0;
  for (int64_t later = t; later < segment.start + segment.length; ++later) {
    const size_t i = static_cast<size_t>(later);
    const double delta =
        example.reward[i] + kGamma * NextValue(example, s, later) - example.value[i];
    sum += std::pow(kGamma * lambda, static_cast<double>(later - t)) * delta;
  }
  return sum;
}

class GaeTest : public ::testing::TestWithParam<double> {};

TEST_P(GaeTest, IsTheSumOfDiscountedErrorsWithinEachSegment) {
  const Example example = MakeExample();
  const Advantages out = EstimateAdvantages({kGamma, GetParam()}, example.input());
  for (size_t s = 0; s < example.segments.size(); ++s) {
    const RolloutSegment& segment = example.segments[s];
    for (int64_t t = segment.start; t < segment.start + segment.length; ++t) {
      const size_t i = static_cast<size_t>(t);
      const double expected = Advantage(example, s, t, GetParam());
      EXPECT_NEAR(out.advantage[i], expected, 1e-5) << "segment " << s << ", row " << t;
      EXPECT_NEAR(out.returns[i], expected + example.value[i], 1e-5);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Lambdas, GaeTest, ::testing::Values(0.0, 0.5, 0.95, 1.0));

TEST(GaeTest, LambdaZeroIsTheOneStepError) {
  const Example example = MakeExample();
  const Advantages out = EstimateAdvantages({kGamma, 0.0}, example.input());
  EXPECT_NEAR(out.advantage[0], example.reward[0] + kGamma * example.value[1] - example.value[0],
              1e-6);
}

TEST(GaeTest, LambdaOneIsTheDiscountedReturnLessTheValue) {
  const Example example = MakeExample();
  const Advantages out = EstimateAdvantages({kGamma, 1.0}, example.input());
  for (size_t s = 0; s < example.segments.size(); ++s) {
    const RolloutSegment& segment = example.segments[s];
    double sum = segment.end == SegmentEnd::kTerminated ? 0.0 : double{example.bootstrap_value[s]};
    for (int64_t t = segment.start + segment.length - 1; t >= segment.start; --t) {
      sum = example.reward[static_cast<size_t>(t)] + kGamma * sum;
    }
    EXPECT_NEAR(out.returns[static_cast<size_t>(segment.start)], sum, 1e-5) << "segment " << s;
  }
}

TEST(GaeTest, OnlyATerminationIgnoresTheSuccessorsValue) {
  Example example = MakeExample();
  const Advantages before = EstimateAdvantages({kGamma, 0.95}, example.input());
  for (float& value : example.bootstrap_value) value += 1.0f;
  const Advantages after = EstimateAdvantages({kGamma, 0.95}, example.input());
  for (const RolloutSegment& segment : example.segments) {
    const size_t last = static_cast<size_t>(segment.start + segment.length - 1);
    const double moved = segment.end == SegmentEnd::kTerminated ? 0.0 : kGamma;
    EXPECT_NEAR(after.advantage[last] - before.advantage[last], moved, 1e-5);
  }
}

TEST(StandardizeTest, LeavesMeanZeroAndVarianceOne) {
  std::vector<float> x = {3.0f, 5.0f, 7.0f, 9.0f};
  Standardize(&x);
  const double deviation = std::sqrt(5.0);
  const double expected[] = {-3.0 / deviation, -1.0 / deviation, 1.0 / deviation, 3.0 / deviation};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(x[static_cast<size_t>(i)], expected[i], 1e-6);
}

TEST(StandardizeTest, OfEqualNumbersIsZero) {
  std::vector<float> x(5, 2.5f);
  Standardize(&x);
  EXPECT_EQ(x, std::vector<float>(5, 0.0f));
}

}  // namespace
}  // namespace pmoe
