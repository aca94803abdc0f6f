// The calibration bandit in seconds: where SAC ends, and that a router ends at the win frequencies.
// bandit_table_test holds every row of the table.
#include "tests/learner/sac/bandit.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/learner/torch_testing.h"

namespace pmoe {
namespace {

// Two equal modes: a Gaussian sits on one of them, which costs ln 2, or stays wide between both.
TEST(BanditTest, SacConvergesToOneModeOrStaysBetweenThem) {
  const BanditResult result = RunBandit({.seeds = 40});
  int between = 0;
  for (size_t i = 0; i < result.value.size(); ++i) {
    if (result.value[i] < 0.6) {
      ++between;
      EXPECT_NEAR(result.value[i], 0.459, 0.01);
      EXPECT_NEAR(result.kl[i], 3.51, 0.05);
    } else {
      EXPECT_NEAR(result.value[i], 0.946, 0.01);
      EXPECT_NEAR(result.kl[i], 0.706, 0.02);
      EXPECT_LT(std::min(result.left[i], 1.0 - result.left[i]), 0.05);
    }
  }
  // Share .52 of 200 seeds; 40 seeds have a standard deviation of .08.
  EXPECT_NEAR(between / 40.0, 0.52, 0.24);
}

TEST(BanditTest, TheRouterEndsAtTheWinFrequencies) {
  BanditOptions options = {.head = HeadType::kMixture, .primitives = 2, .seeds = 20};
  options.steps = 1500;
  EXPECT_THAT(RunBandit(options).frequency_error, ::testing::Each(::testing::Lt(0.05)));
}

// Its gradient is exact: four primitives share both modes as the target does.
TEST(BanditTest, MrpCoversBothModes) {
  BanditOptions options = {.head = HeadType::kMixture, .primitives = 4, .seeds = 10, .steps = 2000};
  options.loss.estimator = Estimator::kMarginal;
  options.loss.entropy = EntropyOf::kMixture;
  const BanditResult result = RunBandit(options);
  EXPECT_THAT(result.kl, ::testing::Each(::testing::Lt(0.1)));
  EXPECT_THAT(result.left, ::testing::Each(::testing::DoubleNear(0.5, 0.1)));
}

}  // namespace
}  // namespace pmoe
