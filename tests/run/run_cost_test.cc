#include "run/run_cost.h"

#include "common/base/file.h"
#include "gtest/gtest.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

class RunCostTest : public testing::Test {
 protected:
  void Write(const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(dir_.File("metrics.csv"), text).ok());
  }
  RunCosts Read(std::optional<double> target = std::nullopt) {
    return ReadRunCosts(dir_.path(), target);
  }

  TempDir dir_;
};

TEST_F(RunCostTest, ALifeAddsToTheOnesBefore) {
  Write(
      "env_steps,wall_s,eval_return_mean,cpu_s,gpu_s\n"
      "1000,10,,15,1\n"
      "2000,30,,45,3\n"
      "3000,5,,8,0.5\n"  // resumed
      "4000,20,,32,2\n");
  const RunCost all = Read().all;
  EXPECT_EQ(all.env_steps, 4000);
  EXPECT_DOUBLE_EQ(all.wall_s, 50.0);
  EXPECT_DOUBLE_EQ(all.cpu_s.value(), 77.0);
  EXPECT_DOUBLE_EQ(all.gpu_s.value(), 5.0);
}

TEST_F(RunCostTest, ALifeOfOneRowIsOneOfItsOwn) {
  Write(
      "env_steps,wall_s,cpu_s,time_update_s\n"
      "1000,3.0,4,2.5\n"
      "2000,3.1,4.2,2.4\n");  // resumed, and a little slower to that row
  EXPECT_DOUBLE_EQ(Read().all.wall_s, 6.1);
  EXPECT_DOUBLE_EQ(Read().all.cpu_s.value(), 8.2);
}

TEST_F(RunCostTest, AMemberThatIsLostHadUsedWhatItHadUsed) {
  Write(
      "env_steps,wall_s,cpu_s\n"
      "1000,10,40\n"
      "2000,20,30\n"  // the same life, with one process less
      "3000,30,55\n"
      "4000,5,7\n");
  EXPECT_DOUBLE_EQ(Read().all.cpu_s.value(), 62.0);
  EXPECT_DOUBLE_EQ(Read().all.wall_s, 35.0);
}

TEST_F(RunCostTest, TheCostToAReturnEndsWithTheFirstEvaluationThatHasIt) {
  Write(
      "env_steps,wall_s,eval_return_mean,cpu_s,gpu_s\n"
      "1000,10,99.5,15,0\n"
      "2000,30,,45,0\n"
      "3000,40,100,60,0\n"
      "4000,50,120,75,0\n");
  const RunCosts costs = Read(100.0);
  ASSERT_TRUE(costs.to_target.has_value());
  EXPECT_EQ(costs.to_target->env_steps, 3000);
  EXPECT_DOUBLE_EQ(costs.to_target->wall_s, 40.0);
  EXPECT_DOUBLE_EQ(costs.to_target->cpu_s.value(), 60.0);
  EXPECT_FALSE(Read(121.0).to_target.has_value());
  EXPECT_FALSE(Read().to_target.has_value());
}

TEST_F(RunCostTest, FirstRowsMayNotKnowItYet) {
  Write(
      "env_steps,wall_s,cpu_s\n"
      "1000,10,\n"
      "2000,20,30\n"
      "3000,5,\n");
  EXPECT_FALSE(Read().all.cpu_s.has_value()) << "this life has not said it";
  Write(
      "env_steps,wall_s,cpu_s\n"
      "1000,10,\n"
      "2000,20,30\n"
      "3000,5,\n"
      "4000,6,8\n");
  EXPECT_DOUBLE_EQ(Read().all.cpu_s.value(), 38.0);
}

TEST_F(RunCostTest, WhatALifeDoesNotSayIsNotKnown) {
  Write(
      "env_steps,wall_s,cpu_s\n"
      "1000,10,\n"  // an older version's
      "2000,5,8\n");
  const RunCost all = Read().all;
  EXPECT_DOUBLE_EQ(all.wall_s, 15.0);
  EXPECT_FALSE(all.cpu_s.has_value());
  EXPECT_FALSE(all.gpu_s.has_value());
}

TEST_F(RunCostTest, WithoutRowsNothingIsTaken) {
  EXPECT_DOUBLE_EQ(Read().all.wall_s, 0.0);
  EXPECT_DOUBLE_EQ(Read().all.cpu_s.value(), 0.0);
  Write("env_steps,wall_s,cpu_s\n1000,10");  // cut in the first line
  EXPECT_EQ(Read().all.env_steps, 0);
}

TEST_F(RunCostTest, MoneyIsWallTimeAtThePriceOfAllMachines) {
  RunCost cost;
  cost.wall_s = 5400;
  EXPECT_DOUBLE_EQ(cost.Money(4.0).value(), 6.0);
  EXPECT_FALSE(cost.Money(0.0).has_value());
}

}  // namespace
}  // namespace pmoe
