// What environments call the numbers of their observations.
#include <gmock/gmock.h>

#include <set>

#include "actor/env/env_list.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/registry.h"
#include "tests/actor/env/rollout.h"
#include "tests/testing/paths.h"

namespace pmoe {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

std::set<std::string> DifferentNames(const Env& env) {
  const std::vector<std::string> names = env.ObservationNames();
  return {names.begin(), names.end()};
}

TEST(ObservationNamesTest, EveryTaskNamesAllOfItsNumbersOrNone) {
  size_t named = 0;
  for (const EnvInfo& info : ListEnvs()) {
    const auto env = MustMake(info.id);
    const size_t names = DifferentNames(*env).size();
    EXPECT_EQ(env->ObservationNames().size(), names) << info.id << " has a name twice";
    if (names > 0) {
      EXPECT_EQ(names, static_cast<size_t>(info.obs_dim)) << info.id;
      ++named;
    }
    EXPECT_GT(env->step_s(), 0.0) << info.id;
  }
  EXPECT_GE(named, 5u);
}

TEST(ObservationNamesTest, HopperLeavesItsFirstCoordinateOut) {
  EXPECT_THAT(MustMake("Hopper-v5")->ObservationNames(),
              ElementsAre("qpos.rootz", "qpos.rooty", "qpos.thigh_joint", "qpos.leg_joint",
                          "qpos.foot_joint", "qvel.rootx", "qvel.rootz", "qvel.rooty",
                          "qvel.thigh_joint", "qvel.leg_joint", "qvel.foot_joint"));
}

// A name leads to the number in the simulator that the observation shows.
TEST(ObservationNamesTest, TheNumberIsTheOneThatIsNamed) {
  for (const char* id : {"HalfCheetah-v5", "Walker2d-v5", "InvertedPendulum-v5", "Swimmer-v5"}) {
    const auto env = MustMake(id);
    const auto& task = dynamic_cast<const MujocoEnv&>(*env);
    std::vector<double> obs(static_cast<size_t>(env->spec().obs_dim));
    env->Reset(1, absl::MakeSpan(obs));
    const std::vector<std::string> names = env->ObservationNames();
    ASSERT_EQ(names.size(), obs.size()) << id;
    for (size_t i = 0; i < names.size(); ++i) {
      const mjModel& model = task.model();
      const int joint = mj_name2id(&model, mjOBJ_JOINT, names[i].substr(5).c_str());
      ASSERT_GE(joint, 0) << names[i];
      const double value = names[i].starts_with("qpos") ? task.data().qpos[model.jnt_qposadr[joint]]
                                                        : task.data().qvel[model.jnt_dofadr[joint]];
      EXPECT_EQ(obs[i], value) << id << " " << names[i];
    }
  }
}

TEST(ObservationNamesTest, ATaskFilesNamesAreItsSlices) {
  const auto env = MustMake("mjcf:" + SourceFile("tests/actor/env/mjcf/everything.textproto"));
  EXPECT_EQ(DifferentNames(*env).size(), static_cast<size_t>(env->spec().obs_dim));
  EXPECT_EQ(env->ObservationNames().size(), static_cast<size_t>(env->spec().obs_dim));
  for (const char* name : {"qpos.root[2]", "qpos.root[2][t-2]", "body_linvel.torso[0]",
                           "body_contact.left_shin", "command.velocity[1]", "clock.gait[0]"}) {
    EXPECT_THAT(env->ObservationNames(), Contains(name));
  }
  EXPECT_EQ(env->ObservationNames().front(), "qpos.root[0][t-2]") << "the oldest first";
}

TEST(ObservationNamesTest, BothVariantsOfTargetReachingNameAll) {
  for (const char* variant : {"code", "paper"}) {
    const auto env = MustMake("TargetReaching-v0", {{"variant", variant}});
    EXPECT_EQ(DifferentNames(*env).size(), static_cast<size_t>(env->spec().obs_dim)) << variant;
  }
}

}  // namespace
}  // namespace pmoe
