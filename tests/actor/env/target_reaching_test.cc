// The target-reaching task: the scripted straight run, each way an episode ends, and the choices
// between the paper's text and its authors' code.
#include "actor/env/target_reaching.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numbers>
#include <string>

#include "tests/actor/env/rollout.h"

namespace pmoe {
namespace {

using Args = std::map<std::string, std::string>;

class World {
 public:
  explicit World(const Args& args)
      : env_(MustMake("TargetReaching-v0", args)), obs(env_->spec().obs_dim) {
    Reset(1);
  }

  void Reset(uint64_t seed) { env_->Reset(seed, absl::MakeSpan(obs)); }
  StepResult Step(double ax, double ay) {
    const double action[] = {ax, ay};
    return env_->Step(action, absl::MakeSpan(obs));
  }
  const TargetReaching& task() const { return static_cast<const TargetReaching&>(*env_); }

  // Accelerates the same way until the episode ends; its last step.
  StepResult Drive(double ax, double ay) {
    steps = 0;
    total = 0.0;
    for (;;) {
      const StepResult result = Step(ax, ay);
      ++steps;
      total += result.reward;
      if (result.done() || steps > 5000) return result;
    }
  }

 private:
  std::unique_ptr<Env> env_;

 public:
  std::vector<double> obs;
  int steps = 0;
  double total = 0.0;
};

// Full acceleration along the diagonal: ten steps to full speed, then 0.1 per axis and step. The
// 75 steps before the last one pay 0.1 |v| each: 0.1 sqrt(2) (5.5 + 65) = 9.97.
TEST(TargetReachingTest, TheStraightRunTakes76StepsAndReturns110) {
  World world({{"variant", "fixed"}, {"obstacles", "0"}});
  const StepResult last = world.Drive(1, 1);
  EXPECT_TRUE(last.terminated);
  EXPECT_FALSE(last.truncated);
  EXPECT_EQ(last.reward, 100.0);
  EXPECT_EQ(world.steps, 76);
  EXPECT_NEAR(world.total, 100.0 + 0.1 * std::numbers::sqrt2 * 70.5, 1e-9);
  EXPECT_NEAR(world.total, 110.0, 0.05);
}

TEST(TargetReachingTest, TheTrapezoidRuleIsAHalfStepBehind) {
  World ahead({{"variant", "fixed"}, {"obstacles", "0"}});
  World exact({{"variant", "fixed"}, {"obstacles", "0"}, {"trapezoid", "true"}});
  ahead.Step(1, 0);
  exact.Step(1, 0);
  // v goes from 0 to 0.1 in 0.1 s.
  EXPECT_NEAR(ahead.task().position()[0], -4.5 + 0.015, 1e-12);
  EXPECT_NEAR(exact.task().position()[0], -4.5 + 0.005, 1e-12);
  EXPECT_EQ(ahead.task().position()[1], -4.5);
}

TEST(TargetReachingTest, InTheFixedLayoutTheDiagonalIsBlocked) {
  World world(Args{{"variant", "fixed"}});
  const StepResult last = world.Drive(1, 1);
  EXPECT_EQ(last.reward, -100.0);
  EXPECT_TRUE(last.terminated);
  EXPECT_LT(world.task().position()[0], -2.5);
}

TEST(TargetReachingTest, TheEdgeEndsTheEpisode) {
  World world(Args{{"variant", "fixed"}});
  const StepResult last = world.Drive(-1, 0);
  EXPECT_EQ(last.reward, -10.0);
  EXPECT_TRUE(last.terminated);
  EXPECT_LE(world.task().position()[0], -5.0);
}

TEST(TargetReachingTest, StandingStillIsTruncatedAtTheLimit) {
  World world(Args{{"variant", "fixed"}});
  const StepResult last = world.Drive(0, 0);
  EXPECT_TRUE(last.truncated);
  EXPECT_FALSE(last.terminated);
  EXPECT_EQ(world.steps, 1000);
  EXPECT_EQ(world.total, 0.0);
}

// On the diagonal the step from -3.0 to -2.9 enters the obstacle (at -2.92) and a target as wide as
// this one (at -2.94).
TEST(TargetReachingTest, CollisionIsJudgedBeforeTheTarget) {
  World both({{"variant", "fixed"}, {"target_radius", "8.4"}});
  EXPECT_EQ(both.Drive(1, 1).reward, -100.0);
  const int steps = both.steps;
  World target({{"variant", "fixed"}, {"target_radius", "8.4"}, {"obstacles", "0"}});
  EXPECT_EQ(target.Drive(1, 1).reward, 100.0);
  EXPECT_EQ(target.steps, steps);
}

TEST(TargetReachingTest, OnlyAReachedTargetIsASuccess) {
  World free({{"variant", "fixed"}, {"obstacles", "0"}});
  free.Step(1, 1);
  EXPECT_EQ(free.task().Info().at("success"), 0.0);
  free.Drive(1, 1);
  EXPECT_EQ(free.task().Info().at("success"), 1.0);
  // Within the wide target, and in an obstacle too.
  World both({{"variant", "fixed"}, {"target_radius", "8.4"}});
  both.Drive(1, 1);
  EXPECT_EQ(both.task().Info().at("success"), 0.0);
}

TEST(TargetReachingTest, PaperVariantHasItsLimitsAndObservation) {
  World world(Args{{"variant", "paper"}});
  EXPECT_EQ(world.task().spec().action_high, (std::vector<double>{2, 2}));
  ASSERT_EQ(world.obs.size(), 12u);
  world.Step(5, 0);  // clipped to 2
  const Point p = world.task().position();
  const Point t = world.task().target();
  EXPECT_EQ(world.obs[0], t[0] - p[0]);
  EXPECT_EQ(world.obs[1], t[1] - p[1]);
  const Point o = world.task().obstacles()[2].center;
  EXPECT_EQ(world.obs[6], o[0] - p[0]);
  EXPECT_EQ(world.obs[7], o[1] - p[1]);
  EXPECT_EQ(world.obs[8], 2.0);
  EXPECT_EQ(world.obs[9], 0.0);
  EXPECT_NEAR(world.obs[10], 0.2, 1e-12);
  EXPECT_EQ(world.obs[11], 0.0);
}

TEST(TargetReachingTest, CodeVariantScalesPositionsAndSeesRadii) {
  World world({});
  ASSERT_EQ(world.obs.size(), 17u);
  world.Step(0.5, -3);
  const Point p = world.task().position();
  EXPECT_NEAR(world.obs[0], p[0] / 5, 1e-15);
  EXPECT_NEAR(world.obs[2], 0.05, 1e-12);  // v
  EXPECT_NEAR(world.obs[3], -0.1, 1e-12);
  EXPECT_EQ(world.obs[4], 0.5);  // a
  EXPECT_EQ(world.obs[5], -1.0);
  EXPECT_NEAR(world.obs[7], (world.task().target()[1] - p[1]) / 5, 1e-15);
  EXPECT_NEAR(world.obs[8], (world.task().obstacles()[0].center[0] - p[0]) / 5, 1e-15);
  EXPECT_EQ(world.obs[16], world.task().obstacles()[2].radius);
}

TEST(TargetReachingTest, StaysInsideItsSpeed) {
  World world({{"speed_reward", "1"}, {"obstacles", "0"}});
  StepResult result;
  for (int i = 0; i < 15; ++i) result = world.Step(1, 0);
  EXPECT_EQ(result.reward, 1.0);
}

// algorithms.md measured 3.2 % of targets and 0.2 % of starts inside an obstacle.
TEST(TargetReachingTest, OverlapsAreRejectedUnlessAskedFor) {
  const auto overlaps = [](const Args& args) {
    World world(args);
    int count = 0;
    for (uint64_t seed = 0; seed < 4000; ++seed) {
      world.Reset(seed);
      bool any = false;
      for (const TargetReaching::Obstacle& o : world.task().obstacles()) {
        const Point& t = world.task().target();
        any |= std::hypot(o.center[0] - t[0], o.center[1] - t[1]) <= o.radius;
        EXPECT_LE(std::abs(o.center[0]), 5.0);
        EXPECT_GE(o.radius, 0.30 - 1e-12);
        EXPECT_LE(o.radius, 0.58 + 1e-12);
      }
      count += any;
    }
    return count;
  };
  EXPECT_EQ(overlaps({}), 0);
  const int allowed = overlaps({{"reject_overlap", "false"}});
  EXPECT_GT(allowed, 4000 * 0.02);
  EXPECT_LT(allowed, 4000 * 0.12);
}

TEST(TargetReachingTest, TheSeedDecidesTheLayout) {
  World a({}), b({});
  a.Reset(5);
  b.Reset(5);
  EXPECT_EQ(a.obs, b.obs);
  b.Reset(6);
  EXPECT_NE(a.obs, b.obs);
}

}  // namespace
}  // namespace pmoe
