// Where episodes end: boundary values of each task's termination, and the time limit beside it.
#include "actor/env/tasks/tasks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/actor/env/rollout.h"

namespace pmoe {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double Above(double x) { return std::nextafter(x, kInf); }
double Below(double x) { return std::nextafter(x, -kInf); }

class HopperIsHealthyTest : public ::testing::Test {
 protected:
  bool Healthy() const { return WalkerIsHealthy(kHopperHealth, qpos_, qvel_); }

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

bool Walker2dIsHealthy(double z, double angle) {
  return WalkerIsHealthy(kWalker2dHealth, {0.0, z, angle}, {});
}

TEST(Walker2dIsHealthyTest, HeightAndAngleMustLieStrictlyBetweenTheirBounds) {
  EXPECT_TRUE(Walker2dIsHealthy(Above(0.8), 0.0));
  EXPECT_FALSE(Walker2dIsHealthy(0.8, 0.0));
  EXPECT_FALSE(Walker2dIsHealthy(2.0, 0.0));
  EXPECT_TRUE(Walker2dIsHealthy(1.25, Below(1.0)));
  EXPECT_FALSE(Walker2dIsHealthy(1.25, -1.0));
  EXPECT_FALSE(Walker2dIsHealthy(kNaN, 0.0));
}

TEST(AntIsHealthyTest, TheBoundsOfTheHeightAreHealthyAndWhatIsNotFiniteIsNot) {
  const std::vector<double> qvel(14, 0.0);
  const auto healthy = [&qvel](double z) {
    std::vector<double> qpos(15, 0.0);
    qpos[2] = z;
    return AntIsHealthy(kAntHealthyZ, qpos, qvel);
  };
  EXPECT_TRUE(healthy(0.2));
  EXPECT_FALSE(healthy(Below(0.2)));
  EXPECT_TRUE(healthy(1.0));
  EXPECT_FALSE(healthy(Above(1.0)));
  EXPECT_FALSE(healthy(kNaN));
  EXPECT_FALSE(AntIsHealthy(kAntHealthyZ, std::vector<double>(15, 0.5), {kInf}));
}

TEST(HumanoidIsHealthyTest, HeightMustLieStrictlyBetweenItsBounds) {
  EXPECT_FALSE(HumanoidIsHealthy(kHumanoidHealthyZ, 1.0));
  EXPECT_TRUE(HumanoidIsHealthy(kHumanoidHealthyZ, Above(1.0)));
  EXPECT_TRUE(HumanoidIsHealthy(kHumanoidHealthyZ, Below(2.0)));
  EXPECT_FALSE(HumanoidIsHealthy(kHumanoidHealthyZ, 2.0));
}

TEST(HumanoidIsHealthyTest, NaNIsUnhealthy) {
  EXPECT_FALSE(HumanoidIsHealthy(kHumanoidHealthyZ, kNaN));
}

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

// The -v2 emulations against the -v4 tasks, which are proven against Gymnasium.
struct Emulation {
  std::string name;
  std::string v2;
  std::string v4;
  std::map<std::string, std::string> v2_args;
  std::map<std::string, std::string> v4_args;
  size_t zeros = 0;  // contact columns at the end of v2's observation that v4 does not have
};

class EmulationTest : public ::testing::TestWithParam<Emulation> {};

TEST_P(EmulationTest, EqualsV4WithTheContactTermsOfV2) {
  const Emulation& p = GetParam();
  const auto v2 = MustMake(p.v2, p.v2_args);
  const auto v4 = MustMake(p.v4, p.v4_args);
  std::vector<double> obs2(v2->spec().obs_dim);
  std::vector<double> obs4(v4->spec().obs_dim);
  ASSERT_EQ(obs2.size(), obs4.size() + p.zeros);
  v2->Reset(3, absl::MakeSpan(obs2));
  v4->Reset(3, absl::MakeSpan(obs4));
  Pcg64 actions(9);
  std::vector<double> action(v2->spec().action_dim);
  for (int step = 0; step < 200; ++step) {
    for (double& a : action) a = actions.Uniform(-0.5, 0.5);
    const StepResult two = v2->Step(action, absl::MakeSpan(obs2));
    const StepResult four = v4->Step(action, absl::MakeSpan(obs4));
    ASSERT_EQ(two.reward, four.reward) << step;
    ASSERT_EQ(two.terminated, four.terminated) << step;
    obs4.resize(obs2.size(), 0.0);
    ASSERT_EQ(obs2, obs4) << step;
    obs4.resize(obs2.size() - p.zeros);
    if (!two.done()) continue;
    v2->Reset(std::nullopt, absl::MakeSpan(obs2));
    v4->Reset(std::nullopt, absl::MakeSpan(obs4));
  }
}

INSTANTIATE_TEST_SUITE_P(
    V2, EmulationTest,
    ::testing::Values(Emulation{"AntZero", "Ant-v2", "Ant-v4", {}, {}, 84},
                      Emulation{"AntComputed",
                                "Ant-v2",
                                "Ant-v4",
                                {{"contact_forces", "computed"}},
                                {{"use_contact_forces", "true"}}},
                      Emulation{"HalfCheetah", "HalfCheetah-v2", "HalfCheetah-v4", {}, {}},
                      Emulation{"Hopper", "Hopper-v2", "Hopper-v4", {}, {}},
                      Emulation{"HumanoidStandupComputed",
                                "HumanoidStandup-v2",
                                "HumanoidStandup-v4",
                                {{"contact_forces", "computed"}},
                                {}},
                      Emulation{"Walker2d", "Walker2d-v2", "Walker2d-v4", {}, {}}),
    [](const auto& info) { return info.param.name; });

// The last 84 numbers are cfrc_ext.
TEST(HumanoidV2Test, ZeroContactForcesAreNeitherObservedNorPaid) {
  const auto zero = MustMake("Humanoid-v2", {{"terminate_when_unhealthy", "false"}});
  const auto four = MustMake("Humanoid-v4", {{"terminate_when_unhealthy", "false"}});
  std::vector<double> obs2(376);
  std::vector<double> obs4(376);
  zero->Reset(3, absl::MakeSpan(obs2));
  four->Reset(3, absl::MakeSpan(obs4));
  const std::vector<double> idle(17, 0.0);
  double force = 0.0;
  for (int step = 0; step < 60; ++step) {
    EXPECT_EQ(zero->Step(idle, absl::MakeSpan(obs2)).reward,
              four->Step(idle, absl::MakeSpan(obs4)).reward);
    for (size_t i = 376 - 84; i < 376; ++i) {
      force += std::abs(obs4[i]);
      obs4[i] = 0.0;
    }
    ASSERT_EQ(obs2, obs4);
  }
  EXPECT_GT(force, 1.0);
}

TEST(HumanoidV2Test, ComputedContactForcesArePaid) {
  const auto computed = MustMake("Humanoid-v2", {{"contact_forces", "computed"}});
  const auto four = MustMake("Humanoid-v4");
  std::vector<double> obs2(376);
  std::vector<double> obs4(376);
  computed->Reset(3, absl::MakeSpan(obs2));
  four->Reset(3, absl::MakeSpan(obs4));
  const std::vector<double> idle(17, 0.0);
  for (int step = 0; step < 60; ++step) {
    const double paid = computed->Step(idle, absl::MakeSpan(obs2)).reward;
    const double unpaid = four->Step(idle, absl::MakeSpan(obs4)).reward;
    ASSERT_EQ(obs2, obs4);
    double squares = 0.0;
    for (size_t i = 376 - 84; i < 376; ++i) squares += obs2[i] * obs2[i];
    EXPECT_NEAR(unpaid - paid, std::min(5e-7 * squares, 10.0), 1e-9) << step;
  }
}

}  // namespace
}  // namespace pmoe
