// Plugins through the C interface: one that works, and those that must be refused.
#include "actor/env/plugin_env.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "actor/env/registry.h"
#include "tests/actor/env/rollout.h"
#include "tests/testing/paths.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

std::string PluginId(const std::string& name) { return kPluginPrefix + Binary(name + ".so"); }

TEST(PluginEnvTest, StepsAndTruncatesAtItsLimit) {
  const auto env = MustMake(PluginId("point_plugin"), {{"push", "0.5"}});
  EXPECT_EQ(env->spec().obs_dim, 2);
  std::vector<double> obs(2);
  env->Reset(4, absl::MakeSpan(obs));
  const double distance = obs[0];
  const double push[] = {1.0};
  StepResult result = env->Step(push, absl::MakeSpan(obs));
  EXPECT_NEAR(obs[1], 0.5 * 0.05, 1e-15);
  EXPECT_NEAR(obs[0], distance - 0.5 * 0.05 * 0.05, 1e-15);
  EXPECT_EQ(result.reward, -std::abs(obs[0]));
  const double idle[] = {0.0};
  int steps = 1;
  for (; !result.done(); ++steps) result = env->Step(idle, absl::MakeSpan(obs));
  EXPECT_EQ(steps, 100);
  EXPECT_TRUE(result.truncated);
  EXPECT_FALSE(result.terminated);
}

TEST(PluginEnvTest, ContinuesBitForBitFromItsState) {
  const auto env = MustMake(PluginId("point_plugin"));
  Pcg64 actions(3);
  ResetBits(env.get(), 4);
  Roll(env.get(), &actions, 150);
  const std::string state = Saved(*env);
  const auto fresh = MustMake(PluginId("point_plugin"));
  ASSERT_OK(Load(fresh.get(), state));
  Pcg64 again = actions;
  EXPECT_EQ(Roll(fresh.get(), &again, 150), Roll(env.get(), &actions, 150));
  const auto other = MustMake(PluginId("point_plugin"), {{"push", "2"}});
  EXPECT_EQ(Load(other.get(), state).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(PluginEnvTest, ParametersReachThePluginAndItsComplaintReachesTheUser) {
  EXPECT_THAT(MakeEnv(PluginId("point_plugin"), {{"pull", "1"}}, ""),
              IsInvalid("parameter pull=1: only push"));
}

TEST(PluginEnvTest, AnotherVersionOfTheInterfaceIsRefused) {
  EXPECT_THAT(MakeEnv(PluginId("old_point_plugin"), {}, ""),
              FailsWith(absl::StatusCode::kFailedPrecondition,
                        "version 99 of the plugin interface, this is version 1"));
}

TEST(PluginEnvTest, ALibraryThatIsNotThereOrNoPluginIsNamed) {
  EXPECT_THAT(MakeEnv("plugin:/nowhere/x.so", {}, ""),
              FailsWith(absl::StatusCode::kNotFound, "cannot load the plugin /nowhere/x.so"));
  EXPECT_THAT(MakeEnv(PluginId("no_plugin"), {}, ""), IsInvalid("it has no pmoe_env_plugin()"));
}

}  // namespace
}  // namespace pmoe
