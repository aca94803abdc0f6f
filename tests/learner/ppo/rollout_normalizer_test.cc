// What learner and actors see of raw numbers. N rows, S segments, O obs_dim, E environments.
#include "learner/ppo/rollout_normalizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "common/base/rng.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/learner/test_options.h"

namespace pmoe {
namespace {

constexpr int kObs = 3;

PolicySpec MakeSpec(bool normalizes_obs) {
  PolicyOptions options = BoxOptions(kObs, 1);
  options.hidden = {4};
  options.normalizes_obs = normalizes_obs;
  return MakePolicySpec(options);
}

PpoOptions With(RewardNorm norm) {
  PpoOptions options = TestPpoOptions();
  options.reward_norm = norm;
  options.gamma = 0.9;
  return options;
}

// Appends a segment of environment `env` with these rewards.
void Append(uint32_t env, const std::vector<float>& rewards, SegmentEnd end, Rollout* rollout) {
  Rng rng(3, RngRole::kReplay, env, static_cast<uint32_t>(rollout->rows()));
  RolloutSegment segment;
  segment.env = env;
  segment.start = rollout->rows();
  segment.length = static_cast<int64_t>(rewards.size());
  segment.end = end;
  rollout->segments.push_back(segment);
  rollout->reward.insert(rollout->reward.end(), rewards.begin(), rewards.end());
  for (size_t i = 0; i < rewards.size() * kObs; ++i) {
    rollout->obs.push_back(5.0f * rng.Normal() - 2.0f);
  }
}

double PopulationStd(const std::vector<double>& x) {
  double mean = 0.0, squares = 0.0;
  for (const double value : x) mean += value / static_cast<double>(x.size());
  for (const double value : x) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(x.size()) + 1e-8);
}

TEST(RolloutNormalizerTest, VersionZeroIsTheIdentity) {
  for (const RewardNorm norm :
       {RewardNorm::kNone, RewardNorm::kReturnStd, RewardNorm::kDiscountedStd}) {
    const RolloutNormalizer normalizer(With(norm), MakeSpec(true));
    const std::vector<float> raw = {0.0f, -9.75f, 3.5f, 1e-7f, 9.9f, -0.1f};
    EXPECT_EQ(normalizer.Observations(raw), raw);
    Rollout rollout;
    Append(0, {0.5f, -3.0f, 9.0f}, SegmentEnd::kCut, &rollout);
    EXPECT_EQ(normalizer.Rewards(rollout), rollout.reward);
    EXPECT_EQ(static_cast<float>(normalizer.value_unit()), 1.0f);
  }
}

TEST(RolloutNormalizerTest, ClipsObservationsTenDeviationsOut) {
  const RolloutNormalizer normalizer(With(RewardNorm::kNone), MakeSpec(true));
  const std::vector<float> seen = normalizer.Observations({-50.0f, 0.0f, 11.0f});
  EXPECT_EQ(seen, (std::vector<float>{-10.0f, 0.0f, 10.0f}));
}

TEST(RolloutNormalizerTest, ShowsActorAndLearnerTheSameNumbers) {
  RolloutNormalizer normalizer(With(RewardNorm::kNone), MakeSpec(true));
  Rollout rollout;
  Append(0, std::vector<float>(50, 0.0f), SegmentEnd::kTruncated, &rollout);
  normalizer.Advance(rollout, rollout.reward);
  PolicySnapshot snapshot;
  normalizer.FillSnapshot(&snapshot);
  ASSERT_EQ(snapshot.obs_mean.size(), size_t{kObs});
  const std::vector<float> seen = normalizer.Observations(rollout.obs);
  for (size_t i = 0; i < seen.size(); ++i) {
    const float z = (rollout.obs[i] - snapshot.obs_mean[i % kObs]) / snapshot.obs_std[i % kObs];
    EXPECT_EQ(seen[i], std::clamp(z, -kObsClip, kObsClip));
  }
}

// The rollout just learned has the mean and deviation it is normalised by.
TEST(RolloutNormalizerTest, AdvancesOverTheRawObservations) {
  RolloutNormalizer normalizer(With(RewardNorm::kNone), MakeSpec(true));
  Rollout rollout;
  Append(0, std::vector<float>(200, 0.0f), SegmentEnd::kCut, &rollout);
  normalizer.Advance(rollout, rollout.reward);
  const std::vector<float> seen = normalizer.Observations(rollout.obs);
  for (int dim = 0; dim < kObs; ++dim) {
    std::vector<double> column;
    for (size_t r = 0; r < 200; ++r) column.push_back(seen[r * kObs + dim]);
    double sum = 0.0;
    for (const double value : column) sum += value;
    EXPECT_NEAR(sum / 200.0, 0.0, 1e-6);
    EXPECT_NEAR(PopulationStd(column), 1.0, 1e-6);
  }
}

TEST(RolloutNormalizerTest, LeavesObservationsAloneWhereThePolicyDoesNotNormalise) {
  RolloutNormalizer normalizer(With(RewardNorm::kNone), MakeSpec(false));
  Rollout rollout;
  Append(0, std::vector<float>(10, 0.0f), SegmentEnd::kCut, &rollout);
  normalizer.Advance(rollout, rollout.reward);
  EXPECT_EQ(normalizer.Observations({99.0f, -1.0f, 2.0f}),
            (std::vector<float>{99.0f, -1.0f, 2.0f}));
  PolicySnapshot snapshot;
  normalizer.FillSnapshot(&snapshot);
  EXPECT_TRUE(snapshot.obs_mean.empty());
  EXPECT_TRUE(snapshot.obs_std.empty());
}

TEST(RolloutNormalizerTest, ValuesAreInUnitsOfTheReturnsDeviation) {
  RolloutNormalizer normalizer(With(RewardNorm::kReturnStd), MakeSpec(false));
  Rollout rollout;
  Append(0, {1.0f, 2.0f, 3.0f, 4.0f}, SegmentEnd::kCut, &rollout);
  const std::vector<float> first = {10.0f, 20.0f, -5.0f, 0.0f}, second = {7.0f, 7.0f, 1.0f, 3.0f};
  normalizer.Advance(rollout, first);
  normalizer.Advance(rollout, second);
  EXPECT_NEAR(normalizer.value_unit(), PopulationStd({10.0, 20.0, -5.0, 0.0, 7.0, 7.0, 1.0, 3.0}),
              1e-9);
  EXPECT_EQ(normalizer.Rewards(rollout), rollout.reward);  // their unit stays
}

// Sums go on over a cut, in the next rollout too, and start anew after an episode's end; each
// environment has its own.
TEST(RolloutNormalizerTest, DividesRewardsByTheDeviationOfEachEnvironmentsDiscountedSums) {
  RolloutNormalizer normalizer(With(RewardNorm::kDiscountedStd), MakeSpec(false));
  Rollout first, second;
  Append(0, {1.0f, 2.0f}, SegmentEnd::kCut, &first);
  Append(1, {10.0f}, SegmentEnd::kTerminated, &first);
  Append(1, {20.0f}, SegmentEnd::kTruncated, &first);
  Append(0, {4.0f}, SegmentEnd::kCut, &second);
  Append(1, {30.0f}, SegmentEnd::kCut, &second);
  normalizer.Advance(first, first.reward);
  normalizer.Advance(second, second.reward);
  // .9 * 1 + 2 = 2.9, then .9 * 2.9 + 4.
  const double std = PopulationStd({1.0, 2.9, 10.0, 20.0, 0.9 * 2.9 + 4.0, 30.0});
  Rollout rewards;
  Append(0, {5.0f, -1.0f, 1e4f, -1e4f}, SegmentEnd::kCut, &rewards);
  const std::vector<float> scaled = normalizer.Rewards(rewards);
  EXPECT_NEAR(scaled[0], 5.0 / std, 1e-6);
  EXPECT_NEAR(scaled[1], -1.0 / std, 1e-6);
  EXPECT_EQ(scaled[2], 10.0f);
  EXPECT_EQ(scaled[3], -10.0f);
  EXPECT_EQ(normalizer.value_unit(), 1.0);
}

TEST(RolloutNormalizerTest, ContinuesFromItsState) {
  RolloutNormalizer first(With(RewardNorm::kDiscountedStd), MakeSpec(true));
  RolloutNormalizer second(With(RewardNorm::kDiscountedStd), MakeSpec(true));
  Rollout rollout;
  Append(0, {1.0f, 2.0f}, SegmentEnd::kCut, &rollout);
  Append(3, {-7.0f, 2.0f}, SegmentEnd::kCut, &rollout);
  first.Advance(rollout, rollout.reward);
  ByteWriter out;
  first.SaveState(&out);
  ByteReader in(out.bytes());
  second.LoadState(&in);
  ASSERT_TRUE(in.ok());
  first.Advance(rollout, rollout.reward);
  second.Advance(rollout, rollout.reward);
  EXPECT_EQ(first.Rewards(rollout), second.Rewards(rollout));
  EXPECT_EQ(first.Observations(rollout.obs), second.Observations(rollout.obs));
}

}  // namespace
}  // namespace pmoe
