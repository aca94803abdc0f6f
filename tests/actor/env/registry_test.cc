// Names, parameters and models: what MakeEnv gives, and what it says when it cannot.
#include "actor/env/registry.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "actor/env/env_list.h"
#include "actor/env/mujoco_env.h"
#include "tests/actor/env/rollout.h"

namespace pmoe {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

std::string Message(const std::string& id, const std::map<std::string, std::string>& args,
                    const std::string& assets_dir = "") {
  const auto env = MakeEnv(id, args, assets_dir);
  return env.ok() ? "ok" : env.status().ToString();
}

TEST(RegistryTest, EveryListedEnvHasItsListedSpec) {
  for (const EnvInfo& info : ListEnvs()) {
    const EnvSpec spec = MustMake(info.id)->spec();
    EXPECT_EQ(spec.id, info.id);
    EXPECT_EQ(spec.obs_dim, info.obs_dim) << info.id;
    EXPECT_EQ(spec.action_dim, info.action_dim) << info.id;
    EXPECT_THAT(spec.action_low, Each(static_cast<float>(-info.action_limit))) << info.id;
    EXPECT_THAT(spec.action_high, Each(static_cast<float>(info.action_limit))) << info.id;
    EXPECT_EQ(spec.max_episode_steps, info.max_episode_steps) << info.id;
    EXPECT_FALSE(info.description.empty()) << info.id;
  }
}

TEST(RegistryTest, UnknownIdSuggestsNearNames) {
  EXPECT_THAT(Message("halfcheetah", {}),
              AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("\"halfcheetah\""),
                    HasSubstr("did you mean HalfCheetah-v5 or HalfCheetah-v4 or")));
}

TEST(RegistryTest, IdLikeNoOtherListsThemAll) {
  EXPECT_THAT(Message("Pong", {}), AllOf(HasSubstr("unknown environment"), HasSubstr("Known:"),
                                         HasSubstr("InvertedPendulum-v5")));
}

TEST(RegistryTest, UnknownParameterNamesItselfAndTheValidOnes) {
  EXPECT_THAT(Message("HalfCheetah-v5", {{"ctrl_cost_wieght", "0.1"}}),
              AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("ctrl_cost_wieght=0.1"),
                    HasSubstr("did you mean ctrl_cost_weight?"), HasSubstr("frame_skip")));
}

TEST(RegistryTest, BadNumberNamesParameterAndValue) {
  EXPECT_THAT(Message("Hopper-v5", {{"healthy_reward", "much"}}),
              AllOf(HasSubstr("healthy_reward must be a finite number"), HasSubstr("\"much\"")));
}

TEST(RegistryTest, NegativeNoiseIsRefused) {
  EXPECT_THAT(Message("Hopper-v5", {{"reset_noise_scale", "-0.1"}}),
              HasSubstr("reset_noise_scale must be a finite number >= 0"));
}

TEST(RegistryTest, FrameSkipZeroIsRefused) {
  EXPECT_THAT(Message("Hopper-v5", {{"frame_skip", "0"}}), HasSubstr("frame_skip must be"));
}

TEST(RegistryTest, BadFlagIsRefused) {
  EXPECT_THAT(Message("Hopper-v5", {{"terminate_when_unhealthy", "maybe"}}),
              HasSubstr("terminate_when_unhealthy must be true or false"));
}

TEST(RegistryTest, RangeUpsideDownIsRefused) {
  EXPECT_THAT(Message("Hopper-v5", {{"healthy_z_range", "(2, 1)"}}),
              HasSubstr("healthy_z_range must be \"low,high\""));
}

TEST(RegistryTest, RangeIsReadWithAndWithoutBrackets) {
  EXPECT_EQ(Message("Hopper-v5", {{"healthy_z_range", "0.5,inf"}}), "ok");
  EXPECT_EQ(Message("Hopper-v5", {{"healthy_z_range", "(0.5, inf)"}}), "ok");
}

TEST(RegistryTest, ArgumentsStayInTheSpec) {
  const std::map<std::string, std::string> args = {{"ctrl_cost_weight", "0.05"}};
  EXPECT_EQ(MustMake("HalfCheetah-v5", args)->spec().args, args);
}

TEST(RegistryTest, MissingModelNamesPathAndRemedy) {
  EXPECT_THAT(Message("Hopper-v5", {}, "/no/such/folder"),
              AllOf(HasSubstr("NOT_FOUND"), HasSubstr("/no/such/folder/hopper.xml"),
                    HasSubstr("./pmoe build"), HasSubstr("env.assets=DIR")));
}

TEST(RegistryTest, EnvsOfOneFileShareTheModel) {
  const auto one = MustMake("HalfCheetah-v5");
  const auto two = MustMake("HalfCheetah-v5");
  EXPECT_EQ(&dynamic_cast<MujocoEnv&>(*one).model(), &dynamic_cast<MujocoEnv&>(*two).model());
}

class CustomModelTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  std::string Try(const std::string& id, const std::string& xml) {
    std::ofstream(path_) << xml;
    return Message(id, {{"xml_file", path_}});
  }

  const std::string path_ = ::testing::TempDir() +
                            ::testing::UnitTest::GetInstance()->current_test_info()->name() +
                            ".xml";
  const std::string slider_ =
      "<worldbody><body><joint name='x' type='slide'/><geom size='0.1'/></body></worldbody>"
      "<actuator><motor joint='x' ctrllimited='true' ctrlrange='-2 2'/></actuator>";
};

TEST_F(CustomModelTest, OwnModelIsUsed) {
  EXPECT_EQ(Try("HalfCheetah-v5", "<mujoco>" + slider_ + "</mujoco>"), "ok");
}

TEST_F(CustomModelTest, BrokenXmlPassesOnWhatMujocoSays) {
  EXPECT_THAT(Try("HalfCheetah-v5", "<mujoco><nonsense/></mujoco>"),
              AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr(path_), HasSubstr("nonsense")));
}

TEST_F(CustomModelTest, ModelTooSmallForTheTaskIsRefused) {
  EXPECT_THAT(Try("Hopper-v5", "<mujoco>" + slider_ + "</mujoco>"),
              HasSubstr("Hopper-v5 needs at least 3"));
}

TEST_F(CustomModelTest, SleepingBodiesAreRefused) {
  EXPECT_THAT(Try("HalfCheetah-v5",
                  "<mujoco><option><flag sleep='enable'/></option>" + slider_ + "</mujoco>"),
              HasSubstr("lets bodies sleep"));
}

TEST_F(CustomModelTest, ActuatorWithoutBoundsIsRefused) {
  EXPECT_THAT(Try("HalfCheetah-v5",
                  "<mujoco><worldbody><body><joint name='x'/><geom size='0.1'/></body></worldbody>"
                  "<actuator><motor joint='x'/></actuator></mujoco>"),
              HasSubstr("no ctrlrange"));
}

TEST(MujocoMessagesTest, WarningsGoToStderrAndToNoFile) {
  const std::filesystem::path old = std::filesystem::current_path();
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "warnings";
  std::filesystem::create_directories(folder);
  std::filesystem::current_path(folder);
  const auto env = MustMake("InvertedPendulum-v5");
  ResetBits(env.get(), 0);
  std::vector<double> obs(env->spec().obs_dim);
  ::testing::internal::CaptureStderr();
  env->Step({std::nan("")}, absl::MakeSpan(obs));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("mujoco warning: "));
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::current_path(old);
  std::filesystem::remove_all(folder);
}

TEST(MujocoMessagesDeathTest, ErrorsSayWhyTheProcessEnds) {
  MustMake("InvertedPendulum-v5");
  EXPECT_DEATH(mju_error("out of %s", "luck"), "mujoco error: out of luck");
}

}  // namespace
}  // namespace pmoe
