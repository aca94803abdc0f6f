#include "actor/evaluator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/actor/policy_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

const auto kNeverCancelled = [] { return false; };

std::unique_ptr<Evaluator> MakeEvaluator(EvaluatorOptions options) {
  auto evaluator =
      Evaluator::Create(options, CheetahPolicy(),
                        []() -> absl::StatusOr<std::unique_ptr<Env>> { return MakeCheetah(); });
  EXPECT_OK(evaluator);
  return *std::move(evaluator);
}

TEST(EvaluatorTest, TheSameStreamGivesTheSameBits) {
  const auto a = MakeEvaluator({.episodes = 4}), b = MakeEvaluator({.episodes = 4});
  const auto first = a->Run(CheetahSnapshot(1), 7, kNeverCancelled);
  ASSERT_OK(first);
  ASSERT_OK(a->Run(CheetahSnapshot(2), 8, kNeverCancelled));  // leaves no trace
  const auto again = a->Run(CheetahSnapshot(1), 7, kNeverCancelled);
  const auto elsewhere = b->Run(CheetahSnapshot(1), 7, kNeverCancelled);
  EXPECT_EQ(first->returns, again->returns);
  EXPECT_EQ(first->returns, elsewhere->returns);
  EXPECT_EQ(first->primitive_usage, again->primitive_usage);
}

TEST(EvaluatorTest, AnotherStreamOrSeedPlaysOtherEpisodes) {
  const auto evaluator = MakeEvaluator({.episodes = 4});
  const auto a = evaluator->Run(CheetahSnapshot(1), 7, kNeverCancelled);
  const auto b = evaluator->Run(CheetahSnapshot(1), 8, kNeverCancelled);
  const auto c =
      MakeEvaluator({.seed = 2, .episodes = 4})->Run(CheetahSnapshot(1), 7, kNeverCancelled);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NE(a->returns[i], b->returns[i]);
    EXPECT_NE(a->returns[i], c->returns[i]);
  }
}

TEST(EvaluatorTest, PlaysMoreEpisodesThanItHasLanes) {
  const auto result = MakeEvaluator({.episodes = 13})->Run(CheetahSnapshot(1), 7, kNeverCancelled);
  ASSERT_OK(result);
  ASSERT_EQ(result->returns.size(), 13u);
  std::vector<double> distinct = result->returns;
  std::sort(distinct.begin(), distinct.end());
  EXPECT_EQ(std::unique(distinct.begin(), distinct.end()), distinct.end());
  EXPECT_EQ(result->length_mean, kEpisodeSteps);
  EXPECT_EQ(result->length_std, 0.0);
}

TEST(EvaluatorTest, SumsUpWhatItPlayed) {
  const auto result = MakeEvaluator({.episodes = 6})->Run(CheetahSnapshot(3), 7, kNeverCancelled);
  ASSERT_OK(result);
  EXPECT_EQ(result->env_steps, 300u);
  const double mean = std::accumulate(result->returns.begin(), result->returns.end(), 0.0) / 6.0;
  EXPECT_NEAR(result->return_mean, mean, 1e-12);
  EXPECT_NEAR(result->primitive_usage[0] + result->primitive_usage[1], 1.0, 1e-12);
}

TEST(EvaluatorTest, ArgmaxPlaysTheSameEpisodesAgain) {
  const EvaluatorOptions options = {.episodes = 3, .action = {.primitive = ActionChoice::kArgmax}};
  const auto a = MakeEvaluator(options)->Run(CheetahSnapshot(1), 7, kNeverCancelled);
  const auto b = MakeEvaluator(options)->Run(CheetahSnapshot(1), 7, kNeverCancelled);
  EXPECT_EQ(a->returns, b->returns);
}

TEST(EvaluatorTest, SharedEpisodesAreTheSameEpisodes) {
  const auto alone = MakeEvaluator({.episodes = 23})->Run(CheetahSnapshot(1), 7, kNeverCancelled);
  ASSERT_OK(alone);
  ASSERT_EQ(EvaluatorPartsMax({.episodes = 23}), 3);
  std::vector<double> shared(23);
  for (int part = 0; part < 2; ++part) {
    const auto played = MakeEvaluator({.episodes = 23, .part = part, .parts = 2})
                            ->Play(CheetahSnapshot(1), 7, kNeverCancelled);
    ASSERT_OK(played);
    EXPECT_EQ(played->size(), part == 0 ? 13u : 10u);
    for (const Episode& episode : *played) shared[episode.index] = episode.total_reward;
  }
  EXPECT_EQ(shared, alone->returns);
}

TEST(EvaluatorTest, AChosenPrimitiveActsAlways) {
  for (int k = 0; k < 2; ++k) {
    const auto result = MakeEvaluator({.episodes = 2, .action = {.primitive = k}})
                            ->Run(CheetahSnapshot(1), 7, kNeverCancelled);
    EXPECT_EQ(result->primitive_usage[k], 1.0);
  }
}

// The noise is on what the policy sees, not on the task: without a policy that looks, nothing
// changes. Here it looks, so the returns differ, and the noise itself has the deviation asked for.
TEST(EvaluatorTest, NoiseIsOnWhatThePolicySees) {
  std::vector<float> clean, noisy;
  double first_returns[2];
  for (const double sigma : {0.0, 0.5}) {
    const auto evaluator = MakeEvaluator({.episodes = 1, .obs_noise = sigma});
    std::vector<float>& seen = sigma == 0.0 ? clean : noisy;
    evaluator->Observe([&seen](const EvaluatedStep& step) {
      if (step.step == 1) seen.assign(step.obs.begin(), step.obs.end());
    });
    first_returns[sigma > 0] = evaluator->Run(CheetahSnapshot(1), 7, kNeverCancelled)->return_mean;
  }
  EXPECT_NE(first_returns[0], first_returns[1]);
  double squares = 0.0;
  for (size_t i = 0; i < clean.size(); ++i)
    squares += (noisy[i] - clean[i]) * (noisy[i] - clean[i]);
  const double deviation = std::sqrt(squares / static_cast<double>(clean.size()));
  EXPECT_GT(deviation, 0.25);  // of 17 draws, 0.5 each: below and above in 1 of 10,000
  EXPECT_LT(deviation, 0.9);
}

TEST(EvaluatorTest, CutsAnEpisodeAtTheBoundAndSaysSo) {
  const auto evaluator = MakeEvaluator({.episodes = 3, .episode_steps_max = 7});
  int truncated = 0;
  evaluator->Observe([&](const EvaluatedStep& step) { truncated += step.result.truncated; });
  const auto result = evaluator->Run(CheetahSnapshot(1), 7, kNeverCancelled);
  ASSERT_OK(result);
  EXPECT_EQ(result->length_mean, 7.0);
  EXPECT_EQ(truncated, 3);
}

TEST(EvaluatorTest, StopsWhenCancelled) {
  int steps = 0;
  const auto result =
      MakeEvaluator({.episodes = 2})->Run(CheetahSnapshot(1), 7, [&] { return ++steps > 5; });
  EXPECT_THAT(result, FailsWith(absl::StatusCode::kCancelled, "cancelled"));
  EXPECT_EQ(steps, 6);
}

TEST(MeanAndStdTest, IsThePopulationDeviation) {
  double mean = 0.0, std = 0.0;
  MeanAndStd({1.0, 2.0, 3.0, 6.0}, &mean, &std);
  EXPECT_DOUBLE_EQ(mean, 3.0);
  EXPECT_DOUBLE_EQ(std, std::sqrt(14.0 / 4.0));
  MeanAndStd({}, &mean, &std);
  EXPECT_EQ(mean, 0.0);
  EXPECT_EQ(std, 0.0);
}

}  // namespace
}  // namespace pmoe
