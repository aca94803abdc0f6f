#include "common/verdict/run_model.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pmoe {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(CoupledRateTest, AddsTimesOfSidesThatTakeTurns) {
  EXPECT_NEAR(CoupledRate(/*actors_rate=*/100.0, /*learner_rate=*/50.0, /*places=*/1.0),
              1.0 / (1.0 / 100.0 + 1.0 / 50.0), 1e-9);
}

TEST(CoupledRateTest, IsTheSlowerSideWhereBothMayRunFarAhead) {
  EXPECT_NEAR(CoupledRate(100.0, 50.0, 64.0), 50.0, 1e-9);
  EXPECT_NEAR(CoupledRate(50.0, 100.0, 64.0), 50.0, 1e-9);
}

// The sum over the states of the birth-death chain with arrivals at rate 3 and services at rate 2.
TEST(CoupledRateTest, IsThatOfTheQueueSummedStateByState) {
  constexpr int kPlaces = 4;
  double all = 0.0, full = 0.0;
  for (int n = 0; n <= kPlaces; ++n) {
    full = std::pow(3.0 / 2.0, n);
    all += full;
  }
  EXPECT_NEAR(CoupledRate(3.0, 2.0, kPlaces), 3.0 * (1.0 - full / all), 1e-12);
}

TEST(CoupledRateTest, HasNoGapWhereBothSidesAreAlike) {
  EXPECT_NEAR(CoupledRate(1.0, 1.0, 9.0), 0.9, 1e-12);
  EXPECT_NEAR(CoupledRate(1.0, 1.0 + 1e-7, 9.0), 0.9, 1e-6);
}

TEST(StretchTest, IsOneWhereEverybodyFindsACore) {
  EXPECT_EQ(Stretch(/*cores=*/4.0, /*mean=*/3.0, /*variance=*/0.0, /*most=*/3.0), 1.0);
  EXPECT_EQ(Stretch(kInf, 100.0, 1.0, 200.0), 1.0);
}

TEST(StretchTest, SharesCoresEvenly) {
  EXPECT_NEAR(Stretch(/*cores=*/2.0, /*mean=*/3.0, /*variance=*/0.0, /*most=*/3.0), 2.0, 1e-12);
}

// Three others that each want a core half of the time: max(1, (1 + k) / 2) with k binomial.
TEST(StretchTest, IsNearTheBinomialMean) {
  const double exact = (1.0 + 3.0 * 1.0 + 3.0 * 1.5 + 1.0 * 2.0) / 8.0;
  EXPECT_NEAR(Stretch(2.0, 1.5, 0.75, 3.0), exact, 0.02);
}

TEST(PredictTest, GivesSleepingActorsAllTheyCanMake) {
  RunModel model;
  model.actors = 32.0;
  model.step_sleep_s = 0.01;
  model.learner_sleep_s = 1e-6;
  EXPECT_NEAR(Predict(model).env_steps_per_s, 3200.0, 1.0);
}

TEST(PredictTest, KeepsCoresBusyAndNoMore) {
  RunModel model;
  model.actors = 8.0;
  model.step_cpu_s = 0.01;
  model.learner_sleep_s = 1e-6;
  model.cores_here = 2.0;
  const RunRates rates = Predict(model);
  EXPECT_NEAR(rates.env_steps_per_s, 200.0, 2.0);
  EXPECT_NEAR(rates.cores_busy, 2.0, 0.02);
  EXPECT_NEAR(rates.stretch_actors, 4.0, 0.05);
}

TEST(PredictTest, SharesTheCoresBetweenActorsAndLearner) {
  RunModel model;
  model.actors = 4.0;
  model.step_cpu_s = 0.004;
  model.update_cpu_s = 0.006;
  model.cores_here = 2.0;
  EXPECT_NEAR(Predict(model).env_steps_per_s, 1.0 / 0.006, 10.0) << "the learner has one core";
  model.threads = 2.0;
  EXPECT_NEAR(Predict(model).env_steps_per_s, 200.0, 15.0) << "both cores, 10 ms a step";
}

TEST(PredictTest, LeavesTheCoresOfOtherProgramsToThem) {
  RunModel model;
  model.actors = 4.0;
  model.step_cpu_s = 0.01;
  model.learner_sleep_s = 1e-6;
  model.cores_here = 2.0;
  model.steady_cores = 1.0;
  // Five threads share two cores evenly.
  EXPECT_NEAR(Predict(model).env_steps_per_s, 160.0, 12.0);
}

TEST(PredictTest, DoublesSerialWorkByNoThread) {
  RunModel model;
  model.step_sleep_s = 1e-6;
  model.update_cpu_s = 0.01;
  model.serial_share = 1.0;
  model.threads = 8.0;
  EXPECT_NEAR(Predict(model).env_steps_per_s, 100.0, 0.1);
  model.serial_share = 0.0;
  EXPECT_NEAR(Predict(model).env_steps_per_s, 800.0, 1.0);
}

TEST(PredictTest, StaysBelowTheEvaluator) {
  RunModel model;
  model.step_sleep_s = 0.01;
  model.learner_sleep_s = 1e-6;
  model.steps_per_s_max = 25.0;
  EXPECT_EQ(Predict(model).env_steps_per_s, 25.0);
}

TEST(PredictTest, HasANumberForARunThatTakesNoTime) {
  const RunRates rates = Predict(RunModel());
  EXPECT_TRUE(std::isfinite(rates.env_steps_per_s));
  RunModel nobody;
  nobody.actors = 0.0;
  EXPECT_EQ(Predict(nobody).env_steps_per_s, 0.0);
}

}  // namespace
}  // namespace pmoe
