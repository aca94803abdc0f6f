// Where episodes end: boundary values of each task's termination, and the time limit beside it.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "actor/env/tasks/ant.h"
#include "actor/env/tasks/hopper.h"
#include "actor/env/tasks/humanoid.h"
#include "actor/env/tasks/inverted_pendulum.h"
#include "actor/env/tasks/walker2d.h"
#include "tests/actor/env/rollout.h"

namespace pmoe {
namespace {

using testing::MustMake;
using testing::ResetBits;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double Above(double x) { return std::nextafter(x, kInf); }
double Below(double x) { return std::nextafter(x, -kInf); }

class HopperIsHealthyTest : public ::testing::Test {
 protected:
  bool Healthy() const { return HopperIsHealthy({}, qpos_, qvel_); }

  std::vector<double> qpos_ = {0.0, 1.25, 0.0, 0.0, 0.0, 0.0};  // x, z, angle, joints
  std::vector<double> qvel_ = std::vector<double>(6, 0.0);
};

TEST_F(HopperIsHealthyTest, HeightMustExceedItsBound) {
  qpos_[1] = 0.7;
  EXPECT_FALSE(Healthy());
  qpos_[1] = Above(0.7);
  EXPECT_TRUE(Healthy());
}

TEST_F(HopperIsHealthyTest, AngleMustStayBelowItsBound) {
  qpos_[2] = 0.2;
  EXPECT_FALSE(Healthy());
  qpos_[2] = Below(0.2);
  EXPECT_TRUE(Healthy());
}

TEST_F(HopperIsHealthyTest, VelocityMustStayBelowItsBound) {
  qvel_[5] = -100.0;
  EXPECT_FALSE(Healthy());
  qvel_[5] = Above(-100.0);
  EXPECT_TRUE(Healthy());
}

TEST_F(HopperIsHealthyTest, DistanceHasNoBound) {
  qpos_[0] = 1e6;
  EXPECT_TRUE(Healthy());
}

TEST_F(HopperIsHealthyTest, NaNIsUnhealthy) {
  qvel_[0] = kNaN;
  EXPECT_FALSE(Healthy());
}

TEST(Walker2dIsHealthyTest, HeightAndAngleMustLieStrictlyBetweenTheirBounds) {
  EXPECT_TRUE(Walker2dIsHealthy({}, Above(0.8), 0.0));
  EXPECT_FALSE(Walker2dIsHealthy({}, 0.8, 0.0));
  EXPECT_FALSE(Walker2dIsHealthy({}, 2.0, 0.0));
  EXPECT_TRUE(Walker2dIsHealthy({}, 1.25, Below(1.0)));
  EXPECT_FALSE(Walker2dIsHealthy({}, 1.25, -1.0));
  EXPECT_FALSE(Walker2dIsHealthy({}, kNaN, 0.0));
}

TEST(AntIsHealthyTest, TheBoundsOfTheHeightAreHealthyAndWhatIsNotFiniteIsNot) {
  const std::vector<double> qvel(14, 0.0);
  const auto healthy = [&qvel](double z) {
    std::vector<double> qpos(15, 0.0);
    qpos[2] = z;
    return AntIsHealthy({}, qpos, qvel);
  };
  EXPECT_TRUE(healthy(0.2));
  EXPECT_FALSE(healthy(Below(0.2)));
  EXPECT_TRUE(healthy(1.0));
  EXPECT_FALSE(healthy(Above(1.0)));
  EXPECT_FALSE(healthy(kNaN));
  EXPECT_FALSE(AntIsHealthy({}, std::vector<double>(15, 0.5), {kInf}));
}

TEST(HumanoidIsHealthyTest, HeightMustLieStrictlyBetweenItsBounds) {
  EXPECT_FALSE(HumanoidIsHealthy({}, 1.0));
  EXPECT_TRUE(HumanoidIsHealthy({}, Above(1.0)));
  EXPECT_TRUE(HumanoidIsHealthy({}, Below(2.0)));
  EXPECT_FALSE(HumanoidIsHealthy({}, 2.0));
}

TEST(HumanoidIsHealthyTest, NaNIsUnhealthy) { EXPECT_FALSE(HumanoidIsHealthy({}, kNaN)); }

TEST(InvertedPendulumHasFallenTest, TheBoundItselfStillStands) {
  EXPECT_FALSE(InvertedPendulumHasFallen({0.0, 0.2}, {0.0, 0.0}));
  EXPECT_FALSE(InvertedPendulumHasFallen({0.0, -0.2}, {0.0, 0.0}));
  EXPECT_TRUE(InvertedPendulumHasFallen({0.0, Above(0.2)}, {0.0, 0.0}));
}

TEST(InvertedPendulumHasFallenTest, NaNHasFallen) {
  EXPECT_TRUE(InvertedPendulumHasFallen({0.0, 0.0}, {kNaN, 0.0}));
}

// Steps with zero actions and never resets. Returns what each step said.
std::vector<StepResult> Idle(Env* env, int steps) {
  const std::vector<double> action(env->spec().action_dim, 0.0);
  std::vector<double> obs(env->spec().obs_dim);
  std::vector<StepResult> results;
  for (int i = 0; i < steps; ++i) results.push_back(env->Step(action, absl::MakeSpan(obs)));
  return results;
}

TEST(TimeLimitTest, TruncatesAtStepOneThousand) {
  const auto env = MustMake("HalfCheetah-v5");
  ResetBits(env.get(), 0);
  const std::vector<StepResult> results = Idle(env.get(), 1000);
  EXPECT_FALSE(results[998].truncated);
  EXPECT_TRUE(results[999].truncated);
}

TEST(TimeLimitTest, LeavesTerminatedAlone) {
  const auto env = MustMake("InvertedPendulum-v5");
  ResetBits(env.get(), 0);
  const std::vector<StepResult> results = Idle(env.get(), 1000);
  EXPECT_TRUE(results[998].terminated);
  EXPECT_FALSE(results[998].truncated);
  EXPECT_TRUE(results[999].terminated);
  EXPECT_TRUE(results[999].truncated);
}

TEST(TimeLimitTest, StartsAnewAtEachReset) {
  const auto env = MustMake("HalfCheetah-v5", {{"max_episode_steps", "3"}});
  ResetBits(env.get(), 0);
  Idle(env.get(), 2);
  ResetBits(env.get(), 0);
  EXPECT_FALSE(Idle(env.get(), 2)[1].truncated);
}

TEST(TimeLimitTest, MinusOneSwitchesItOff) {
  const auto env = MustMake("InvertedPendulum-v5", {{"max_episode_steps", "-1"}});
  ResetBits(env.get(), 0);
  EXPECT_FALSE(Idle(env.get(), 1500).back().truncated);
}

TEST(MujocoEnvDeathTest, StepBeforeTheFirstResetIsABug) {
  const auto env = MustMake("HalfCheetah-v5");
  EXPECT_DEATH(Idle(env.get(), 1), "check failed");
}

TEST(MujocoEnvDeathTest, AnActionOfTheWrongSizeIsABug) {
  const auto env = MustMake("HalfCheetah-v5");
  ResetBits(env.get(), 0);
  std::vector<double> obs(env->spec().obs_dim);
  EXPECT_DEATH(env->Step({0.0}, absl::MakeSpan(obs)), "check failed");
}

}  // namespace
}  // namespace pmoe
