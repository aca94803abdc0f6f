// Plugins through the C interface: one that works, and those that must be refused.
#include "actor/env/plugin_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "actor/env/registry.h"
#include "tests/actor/env/rollout.h"
#include "tests/testing/paths.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::UnorderedElementsAre;

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
                        "version 99 of the plugin interface, this is version 2"));
}

TEST(PluginEnvTest, ALibraryThatIsNotThereOrNoPluginIsNamed) {
  EXPECT_THAT(MakeEnv("plugin:/nowhere/x.so", {}, ""),
              FailsWith(absl::StatusCode::kNotFound, "cannot load the plugin /nowhere/x.so"));
  EXPECT_THAT(MakeEnv(PluginId("no_plugin"), {}, ""), IsInvalid("it has no pmoe_env_plugin()"));
}

TEST(PluginEnvTest, TellsWhatItsNumbersAreAndHowItFared) {
  const auto env = MustMake(PluginId("point_plugin"));
  EXPECT_THAT(env->ObservationNames(), ElementsAre("goal - position", "velocity"));
  EXPECT_THAT(env->ActionNames(), ElementsAre("push"));
  EXPECT_EQ(env->step_s(), 0.05);
  std::vector<double> obs(2);
  env->Reset(4, absl::MakeSpan(obs));
  env->Step(std::vector<double>{0.0}, absl::MakeSpan(obs));
  const auto info = env->Info();
  EXPECT_THAT(info, UnorderedElementsAre(Pair("success", std::abs(obs[0]) < 0.05),
                                         Pair("distance", std::abs(obs[0]))));
}

TEST(PluginEnvTest, APluginOfVersion1StepsAsBefore) {
  const auto env = MustMake(PluginId("point_plugin")), old = MustMake(PluginId("point_plugin_v1"));
  Pcg64 actions(3), again(3);
  EXPECT_EQ(ResetBits(env.get(), 4), ResetBits(old.get(), 4));
  EXPECT_EQ(Roll(env.get(), &actions, 250), Roll(old.get(), &again, 250));
  EXPECT_TRUE(old->can_save());
  EXPECT_THAT(MakeEnv(PluginId("point_plugin_v1"), {{"pull", "1"}}, ""),
              IsInvalid("parameter pull=1: only push"));
}

TEST(PluginEnvTest, AStepThatFailsIsAnErrorUntilTheNextReset) {
  const auto env = MustMake(PluginId("moody_plugin"), {{"fail_step", "2"}});
  std::vector<double> obs(1);
  const std::vector<double> action = {0.5};
  env->Reset(1, absl::MakeSpan(obs));
  EXPECT_FALSE(env->Step(action, absl::MakeSpan(obs)).diverged);
  EXPECT_OK(env->error());
  const StepResult failed = env->Step(action, absl::MakeSpan(obs));
  EXPECT_TRUE(failed.diverged && failed.truncated && BrokeDown(failed, obs));
  EXPECT_THAT(env->error(), FailsWith(absl::StatusCode::kFailedPrecondition,
                                      "step failed: step 2 has had enough"));
  env->Reset(2, absl::MakeSpan(obs));
  EXPECT_OK(env->error());
  EXPECT_FALSE(env->Step(action, absl::MakeSpan(obs)).diverged);
}

TEST(PluginEnvTest, AResetThatFailsIsAnError) {
  const auto env = MustMake(PluginId("moody_plugin"), {{"fail_reset", "1"}});
  std::vector<double> obs(1);
  env->Reset(3, absl::MakeSpan(obs));
  EXPECT_THAT(env->error(),
              FailsWith(absl::StatusCode::kFailedPrecondition, "reset failed: seed 3 is odd"));
  env->Reset(4, absl::MakeSpan(obs));
  EXPECT_OK(env->error());
  EXPECT_FALSE(env->can_save());
  EXPECT_THAT(env->Facts(), UnorderedElementsAre(Pair("moody.version", "7")));
}

TEST(PluginEnvTest, ParametersWithAStructureComeAsJson) {
  const auto env = MustMake(PluginId("moody_plugin"), {{"shape", "{\"size\": [2, 3]}"}});
  EXPECT_EQ(env->spec().obs_dim, 2);
  EXPECT_EQ(env->spec().action_dim, 3);
  EXPECT_THAT(MakeEnv(PluginId("moody_plugin"), {{"shape", "{\"size\": [2, \"x\"]}"}}, ""),
              IsInvalid("not two sizes"));
}

// A plugin built against another MuJoCo crashed: its calls went to ours.
TEST(PluginEnvTest, AMujocoThatAPluginBringsIsNotMixedWithOurs) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizers' runtimes cannot keep symbols apart";
#endif
  const auto env = MustMake(PluginId("other_mujoco_plugin"));
  std::vector<double> obs(1);
  env->Reset(1, absl::MakeSpan(obs));
  EXPECT_EQ(obs[0], 210);
  EXPECT_NE(SimulatorName(), "MuJoCo 2.1.0");
}

}  // namespace
}  // namespace pmoe
