// How episodes of task files begin and what is drawn for them: poses, actions, latency, sensors,
// commands, models, pushes; and that all of it is restored to the bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/env/mujoco_env.h"
#include "tests/actor/env/mjcf/task_file.h"
#include "tests/actor/env/rollout.h"
#include "tests/testing/paths.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

constexpr int kActions = 5;
constexpr int kRootNumbers = 7;

std::string EverythingTask() {
  return "mjcf:" + SourceFile("tests/actor/env/mjcf/everything.textproto");
}

using EpisodeTest = TaskTest;

TEST_F(EpisodeTest, StartsInTheKeyframeOfThatNameOrNumber) {
  for (const char* keyframe : {"home", "1"}) {
    MakeSeeingPose(absl::StrCat("keyframe: \"", keyframe, "\""));
    Reset(1);
    const int home = mj_name2id(&model(), mjOBJ_KEY, "home");
    for (int i = 0; i < model().nq; ++i) {
      EXPECT_NEAR(obs_[i], model().key_qpos[home * model().nq + i], 1e-7) << i;
    }
    EXPECT_EQ(data().qvel[0], 0.5);
    EXPECT_EQ(data().ctrl[0], 0.3);
    EXPECT_EQ(data().act[0], 0.4);
    EXPECT_EQ(data().mocap_pos[0], 0.9);
  }
}

TEST_F(EpisodeTest, DrawsCoordinatesByNameAndPattern) {
  MakeSeeingPose(
      "keyframe: \"flat\" start { slice { array: QPOS name: \"*_hip\" } range { min: 0.2 max: 0.4 "
      "} "
      "} start { slice { array: QPOS name: \"tail\" } noise: 0.1 } "
      "start { slice { array: QVEL name: \"root\" count: 3 } normal_noise: 2 }");
  std::set<double> hips;
  double fastest = 0.0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Reset(seed);
    for (const int hip : {kRootNumbers, kRootNumbers + 2}) {
      EXPECT_GE(obs_[hip], 0.2);
      EXPECT_LE(obs_[hip], 0.4);
      hips.insert(obs_[hip]);
    }
    EXPECT_EQ(obs_[kRootNumbers + 1], 0.0);
    EXPECT_LE(std::abs(obs_[kRootNumbers + 4]), 0.1);
    EXPECT_EQ(data().qvel[3], 0.0);
    fastest = std::max(fastest, std::abs(data().qvel[0]));
  }
  EXPECT_EQ(hips.size(), 100u);
  EXPECT_GT(fastest, 2.0);
}

TEST_F(EpisodeTest, TurnsAFreeJointAboutTheVertical) {
  MakeSeeingPose("start { slice { array: QPOS name: \"root\" } yaw { min: 1.5 max: 1.5 } }");
  Reset(1);
  EXPECT_NEAR(obs_[3], std::cos(0.75), 1e-15);
  EXPECT_NEAR(obs_[6], std::sin(0.75), 1e-15);
}

TEST_F(EpisodeTest, SettlesBeforeTheFirstObservation) {
  MakeSeeingPose("keyframe: \"flat\" settle_s: 0.25");
  Reset(1);
  EXPECT_EQ(data().time, 0.0);
  const double settled = obs_[2];
  MakeSeeingPose("keyframe: \"flat\" frame_skip: 50");
  Reset(1);
  EXPECT_EQ(obs_[2], 0.6);
  EXPECT_EQ(Step()[2], settled);
}

TEST_F(EpisodeTest, MapsActionsAroundACentreAndCutsThemToTheirBounds) {
  MakeSeeingPose(
      "keyframe: \"home\" action { scale: 0.5 around_keyframe: true } "
      "action { actuator: \"left_*\" scale: 2 offset: 0.1 range { min: -0.5 max: 1 } } "
      "action { actuator: \"right_knee\" scale: 0.25 around_pose: true range_from: JOINT_RANGE }");
  EXPECT_EQ(env_->spec().action_low, std::vector<double>(kActions, -1.0));
  EXPECT_EQ(env_->spec().action_high, std::vector<double>(kActions, 1.0));
  Reset(1);
  Step({0.2, -0.5, 0.5, 1.0, -1.0});
  EXPECT_EQ(data().ctrl[0], 0.1 + 2 * 0.2);
  EXPECT_EQ(data().ctrl[1], -0.5);
  EXPECT_EQ(data().ctrl[2], 0.2 + 0.5 * 0.5);
  EXPECT_EQ(data().ctrl[3], -0.5 + 0.25);
  EXPECT_EQ(data().ctrl[4], 0.0);  // 0.2 - 0.5, below the muscle's range
}

TEST_F(EpisodeTest, BoundsOfTheFileAreThoseOfTheActions) {
  MakeSeeingPose(
      "action { actuator: \"left_hip\" range { min: 0.25 max: 0.5 } } "
      "action { actuator: \"right_hip\" range_from: JOINT_RANGE }");
  EXPECT_EQ(env_->spec().action_low[0], 0.25);
  EXPECT_EQ(env_->spec().action_high[0], 0.5);
  EXPECT_EQ(env_->spec().action_high[2], static_cast<double>(0.8f));
  EXPECT_EQ(env_->spec().action_low[1], -1.5);
}

TEST_F(EpisodeTest, AnActionTakesEffectAfterItsLatency) {
  constexpr int kSkip = 4;
  for (int latency = 0; latency <= 11; ++latency) {
    MakeSeeingPose(absl::StrCat("keyframe: \"home\" frame_skip: ", kSkip,
                                " action_latency_steps { min: ", latency, " max: ", latency, " }"));
    Reset(1);
    for (int step = 0; step < 6; ++step) {
      const double action = 0.01 * (step + 1);
      Step(std::vector<double>(kActions, action));
      // In the last simulator step of this one.
      const int taken = static_cast<int>(std::floor((step * kSkip + kSkip - 1 - latency) / 4.0));
      EXPECT_EQ(data().ctrl[0], taken < 0 ? 0.3 : 0.01 * (taken + 1)) << latency << " " << step;
    }
  }
}

TEST_F(EpisodeTest, ScalesClipsAndRemembersObservations) {
  Make(
      "frame_skip: 2 observation { slice { array: TIME } scale: 100 clip { max: 0.055 } history: 3 "
      "}"
      " observation { slice { array: LAST_ACTION name: \"left_hip\" } delay_steps { min: 2 max: 2 "
      "} "
      "}");
  EXPECT_EQ(Reset(1), (std::vector<double>{0, 0, 0, 0}));
  const auto near = [this](std::vector<double> wanted) {
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(obs_[i], wanted[i], 1e-12) << i;
  };
  Step({0.1, 0, 0, 0, 0});
  near({0, 0, 1, 0});
  Step({0.2, 0, 0, 0, 0});
  near({0, 1, 2, 0});
  Step({0.3, 0, 0, 0, 0});
  near({1, 2, 3, 0.1});
  for (int i = 0; i < 4; ++i) Step({0.4, 0, 0, 0, 0});
  near({5, 5.5, 5.5, 0.4});
}

TEST_F(EpisodeTest, SensorsHaveABiasPerEpisodeAndNoisePerStep) {
  Make(
      "observation { slice { array: CTRL name: \"left_hip\" } bias { min: 1 max: 2 } } "
      "observation { slice { array: CTRL name: \"left_hip\" } noise: 0.5 }");
  std::set<double> biases;
  double squares = 0.0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Reset(seed);
    const double bias = obs_[0];
    EXPECT_GE(bias, 1.0);
    EXPECT_LE(bias, 2.0);
    biases.insert(bias);
    for (int step = 0; step < 20; ++step) {
      EXPECT_EQ(Step()[0], bias);
      squares += obs_[1] * obs_[1];
    }
  }
  EXPECT_EQ(biases.size(), 100u);
  EXPECT_NEAR(squares / 2000, 0.25, 0.03);  // four standard errors
}

TEST_F(EpisodeTest, CommandsAreDrawnPerEpisodeAndAgain) {
  Make(
      "frame_skip: 2 command { name: \"speed\" range { min: 1 max: 2 } range { min: -1 max: 0 } "
      "resample_s: 0.05 zero_share: 0.25 } "
      "command { name: \"goal\" range { min: 0 max: 1 } range { min: 0 max: 1 } range { max: 1 "
      "min: "
      "0.5 } mocap: \"goal\" } "
      "observation { slice { array: COMMAND name: \"speed\" } } "
      "observation { slice { array: MOCAP_POS name: \"goal\" } }");
  int zeros = 0, draws = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    std::vector<double> last = Reset(seed);
    EXPECT_GE(last[4], 0.5);
    for (int step = 1; step <= 50; ++step) {
      const std::vector<double> now = Step();
      const bool due = step % 5 == 0;
      if (!due) {
        EXPECT_EQ(now, last) << step;
      }
      draws += due;
      if (now[0] == 0.0) {
        EXPECT_EQ(now[1], 0.0);
        zeros += due;
      } else {
        EXPECT_GE(now[0], 1.0);
        EXPECT_LE(now[1], 0.0);
      }
      EXPECT_EQ(now[2], last[2]);  // the goal stays
      last = now;
    }
  }
  EXPECT_NEAR(zeros / static_cast<double>(draws), 0.25, 0.09);
}

TEST_F(EpisodeTest, TheModelIsDrawnPerEpisodeAroundItsOwnNumbers) {
  MakeSeeingPose(
      "randomize { property: BODY_MASS name: \"torso\" add { min: 1 max: 2 } } "
      "randomize { property: GEOM_FRICTION scale { min: 0.5 max: 0.9 } together: true } "
      "randomize { property: ACTUATOR_GAIN name: \"left_hip\" scale { min: 2 max: 2 } } "
      "randomize { property: GRAVITY scale { min: 0.5 max: 0.5 } }");
  const double inertia = model().body_inertia[3 * 2];
  const double limbs = model().body_subtreemass[2] - model().body_mass[2];
  std::set<double> masses;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Reset(seed);
    const double mass = model().body_mass[2];
    masses.insert(mass);
    EXPECT_GE(mass, 5.0);
    EXPECT_LE(mass, 6.0);
    EXPECT_NEAR(model().body_inertia[3 * 2], inertia * mass / 4, 1e-12);
    EXPECT_NEAR(model().body_subtreemass[2] - mass, limbs, 1e-12);
    EXPECT_EQ(model().geom_friction[0], model().geom_friction[3 * (model().ngeom - 1)]);
    EXPECT_LE(model().geom_friction[0], 0.9);
    EXPECT_EQ(model().actuator_gainprm[0], 60.0);
    EXPECT_EQ(model().actuator_biasprm[1], -60.0);
    EXPECT_EQ(model().actuator_gainprm[mjNGAIN], 30.0);
    EXPECT_EQ(model().opt.gravity[2], -9.81 / 2);
  }
  EXPECT_EQ(masses.size(), 20u);
}

TEST_F(EpisodeTest, PushesComeAndEnd) {
  MakeSeeingPose(
      "frame_skip: 2 push { body: \"torso\" force { min: 3 max: 5 } every_s { min: 0.1 max: 0.2 } "
      "duration_s: 0.03 }");
  Reset(3);
  int pushed = 0, begun = 0;
  double before = 0.0;
  for (int step = 0; step < 300; ++step) {
    Step();
    const double force = std::hypot(data().xfrc_applied[6 * 2], data().xfrc_applied[6 * 2 + 1]);
    if (force > 0) {
      EXPECT_GE(force, 3 - 1e-9);
      EXPECT_LE(force, 5 + 1e-9);
      ++pushed;
      begun += before == 0.0;
    }
    before = force;
  }
  EXPECT_NEAR(begun, 3.0 / 0.15, 6);
  EXPECT_NEAR(pushed, 3 * begun, 3);
}

TEST_F(EpisodeTest, ARestoredStateGoesOnToTheBit) {
  for (int steps : {1, 7, 39, 40, 95}) {
    auto first = MustMake(EverythingTask());
    auto second = MustMake(EverythingTask());
    Pcg64 actions(steps);
    ResetBits(first.get(), 9);
    Roll(first.get(), &actions, steps);
    ResetBits(second.get(), 4);  // something else before
    ASSERT_OK(Load(second.get(), Saved(*first)));
    Pcg64 same_actions = actions;
    EXPECT_EQ(Roll(first.get(), &actions, 120), Roll(second.get(), &same_actions, 120)) << steps;
  }
}

TEST_F(EpisodeTest, EqualSeedsGiveEqualEpisodesAndOthersDiffer) {
  auto env = MustMake(EverythingTask());
  const auto play = [&env](uint64_t seed) {
    Pcg64 actions(1);
    std::vector<uint64_t> bits = ResetBits(env.get(), seed);
    const std::vector<uint64_t> rest = Roll(env.get(), &actions, 100);
    bits.insert(bits.end(), rest.begin(), rest.end());
    return bits;
  };
  const std::vector<uint64_t> once = play(7);
  EXPECT_NE(play(8), once);
  EXPECT_EQ(play(7), once);
}

TEST_F(EpisodeTest, OneEnvironmentsModelIsNotAnothers) {
  auto first = MustMake(EverythingTask());
  auto second = MustMake(EverythingTask());
  ResetBits(first.get(), 1);
  const double mass = static_cast<const MujocoEnv&>(*first).model().body_mass[2];
  ResetBits(second.get(), 2);
  EXPECT_EQ(static_cast<const MujocoEnv&>(*first).model().body_mass[2], mass);
  EXPECT_NE(static_cast<const MujocoEnv&>(*second).model().body_mass[2], mass);
}

TEST_F(EpisodeTest, AStateOfAnotherSizeIsRefused) {
  const std::string command = " command { name: \"a\" range { min: 0 max: 1 } } ";
  MakeSeeingPose(command);
  Reset(1);
  const std::string saved = Saved(*env_);
  MakeSeeingPose(absl::StrCat(command, "command { name: \"b\" range { min: 0 max: 1 } }"));
  EXPECT_THAT(Load(env_.get(), saved),
              FailsWith(absl::StatusCode::kDataLoss, "holds 2 numbers of the task"));
}

}  // namespace
}  // namespace pmoe
