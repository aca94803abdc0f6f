// What stands between a simulated robot and a real one, as fields of a task file: old and lost
// measurements, controls that are not what was asked for, masses that lie elsewhere, servos.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/env/mujoco_env.h"
#include "actor/env/registry.h"
#include "tests/actor/env/mjcf/task_file.h"
#include "tests/actor/env/rollout.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

constexpr int kActions = 5;

using RealRobotTest = TaskTest;

// An environment whose steps are the other's simulator steps: equal controls, every step seen.
TEST_F(RealRobotTest, AMeasurementIsSomeSimulatorStepsOld) {
  constexpr int kSkip = 4, kSteps = 5;
  const std::string seen =
      "observation { slice { array: QPOS } } "
      "observation { slice { array: BODY_LINVEL name: \"torso\" } } ";
  Make(absl::StrCat("keyframe: \"home\" ", seen));
  std::vector<std::vector<double>> fine = {Reset(1)};
  for (int i = 0; i < kSteps * kSkip; ++i) {
    fine.push_back(Step(std::vector<double>(kActions, 0.1 * (i / kSkip))));
  }
  for (int latency = 0; latency <= 11; ++latency) {
    const std::string late =
        absl::StrCat(" latency_steps { min: ", latency, " max: ", latency, " } } ");
    Make(absl::StrCat("keyframe: \"home\" frame_skip: ", kSkip,
                      " observation { slice { array: QPOS }", late,
                      "observation { slice { array: BODY_LINVEL name: \"torso\" }", late));
    EXPECT_EQ(Reset(1), fine[0]);
    for (int step = 1; step <= kSteps; ++step) {
      Step(std::vector<double>(kActions, 0.1 * (step - 1)));
      EXPECT_EQ(obs_, fine[std::max(0, step * kSkip - latency)]) << latency << " " << step;
    }
  }
}

TEST_F(RealRobotTest, LatencyIsDrawnPerEpisodeAndHistoryIsAsOld) {
  Make(
      "frame_skip: 4 observation { slice { array: TIME } scale: 200 history: 2 "
      "latency_steps { min: 1 max: 6 } }");
  std::set<double> ages;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Reset(seed);
    for (int step = 0; step < 4; ++step) Step();
    const double age = std::round(16 - obs_[1]);
    for (int step = 5; step < 8; ++step) {
      Step();
      EXPECT_NEAR(obs_[1], 4 * step - age, 1e-9);
      EXPECT_NEAR(obs_[0], 4 * step - 4 - age, 1e-9);
    }
    ages.insert(age);
  }
  EXPECT_EQ(ages, (std::set<double>{1, 2, 3, 4, 5, 6}));
}

TEST_F(RealRobotTest, ALostMeasurementIsTheLastOneAgain) {
  Make(
      "observation { slice { array: TIME } lost_share: 0.25 } observation { slice { array: TIME } "
      "}");
  int lost = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    double before = Reset(seed)[0];
    for (int step = 0; step < 100; ++step) {
      Step();
      if (obs_[0] != obs_[1]) {
        EXPECT_EQ(obs_[0], before);
        ++lost;
      }
      before = obs_[0];
    }
  }
  EXPECT_NEAR(lost / 2000.0, 0.25, 0.04);  // four standard errors
}

TEST_F(RealRobotTest, ControlsHaveABiasPerEpisodeAndNoisePerStepWithinTheirBounds) {
  MakeSeeingPose(
      "action { actuator: \"left_hip\" scale: 0.5 bias { min: 0.1 max: 0.2 } range { min: -9 max: "
      "9 } } "
      "action { actuator: \"left_knee\" noise: 0.3 range { min: -9 max: 9 } } "
      "action { actuator: \"right_hip\" bias { min: 1 max: 2 } range { min: -0.5 max: 0.5 } }");
  std::set<double> biases;
  double squares = 0.0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Reset(seed);
    Step({0.4, 0, 0, 0, 0});
    const double bias = data().ctrl[0] - 0.2;
    EXPECT_GE(bias, 0.1);
    EXPECT_LE(bias, 0.2);
    biases.insert(bias);
    for (int step = 0; step < 20; ++step) {
      Step({-0.4, 0, 0, 0, 0});
      EXPECT_NEAR(data().ctrl[0], bias - 0.2, 1e-15);
      EXPECT_EQ(data().ctrl[2], 0.5);
      squares += data().ctrl[1] * data().ctrl[1];
    }
  }
  EXPECT_EQ(biases.size(), 50u);
  EXPECT_NEAR(squares / 1000, 0.09, 0.016);  // four standard errors
}

// What MuJoCo's compiler takes for one frame (the body's and its inertia's; a geom's and its body's
// inertia's) must not stay one: nothing would move then, or the geom would move along.
TEST_F(RealRobotTest, AMovedCentreOfMassIsThatOfAModelMadeSo) {
  const auto model = [this](const std::string& name, double geom, const std::string& centre) {
    std::ofstream(dir_.File(name))
        << "<mujoco><worldbody><body name='arm'><joint name='j' axis='0.6 0.8 0'/><inertial pos='"
        << centre << "' mass='1' diaginertia='0.1 0.2 0.25'/><geom size='0.1' pos='" << geom
        << " 0 0'/><site pos='" << geom << " 0 0'/></body></worldbody>"
        << "<actuator><motor joint='j' ctrlrange='-1 1'/></actuator></mujoco>";
    return dir_.File(name);
  };
  const std::string text =
      "observation { slice { array: QPOS } } observation { slice { array: XIPOS name: 'arm' } } "
      "observation { slice { array: GEOM_XPOS } } observation { slice { array: SITE_XPOS } } "
      "reward { constant: 0 } ";
  const auto play = [&](const std::string& more, const std::string& path) {
    auto env = TryTask(&dir_, text + more, path);
    EXPECT_OK(env);
    std::vector<double> obs((*env)->spec().obs_dim), all;
    (*env)->Reset(1, absl::MakeSpan(obs));
    for (int step = 0; step < 200; ++step) {
      (*env)->Step({0.5}, absl::MakeSpan(obs));
      all.insert(all.end(), obs.begin(), obs.end());
    }
    return all;
  };
  for (const double x : {0.0, 0.125}) {
    const std::vector<double> drawn =
        play("randomize { property: BODY_COM add { min: 0.25 max: 0.25 } }",
             model("balanced.xml", x, absl::StrCat(x, " 0 0")));
    const std::vector<double> made =
        play("", model("made.xml", x, absl::StrCat(x + 0.25, " 0.25 0.25")));
    ASSERT_EQ(drawn.size(), made.size());
    for (size_t i = 0; i < made.size(); ++i) ASSERT_NEAR(drawn[i], made[i], 1e-12) << i;
  }
}

TEST_F(RealRobotTest, EachAxisOfACentreOfMassAndEachBodyHasItsDraw) {
  MakeSeeingPose(
      "randomize { property: BODY_COM name: \"torso\" name: \"*_shin\" add { min: -0.02 max: 0.02 "
      "} }");
  const std::vector<double> nominal(model().body_ipos, model().body_ipos + 3 * model().nbody);
  std::set<double> moves;
  Reset(5);
  for (int i = 0; i < 3 * model().nbody; ++i) {
    const double move = model().body_ipos[i] - nominal[i];
    EXPECT_LE(std::abs(move), 0.02);
    if (move != 0) moves.insert(move);
  }
  EXPECT_EQ(moves.size(), 9u);
}

TEST_F(RealRobotTest, AServosDampingIsDrawnWithoutItsStiffness) {
  MakeSeeingPose(
      "randomize { property: SERVO_DAMPING name: \"left_*\" scale { min: 1.5 max: 2 } }");
  Reset(1);
  for (const int hip : {0, 1}) {
    EXPECT_EQ(model().actuator_gainprm[mjNGAIN * hip], 30.0);
    EXPECT_EQ(model().actuator_biasprm[mjNBIAS * hip + 1], -30.0);
    EXPECT_GE(model().actuator_biasprm[mjNBIAS * hip + 2], -2.0);
    EXPECT_LE(model().actuator_biasprm[mjNBIAS * hip + 2], -1.5);
  }
  EXPECT_EQ(model().actuator_biasprm[mjNBIAS * 2 + 2], -1.0);
}

// The nominal task, for an evaluation or a look.
TEST_F(RealRobotTest, WithoutRandomizationNothingIsOldLostBiasedOrMoved) {
  const std::string plain = "keyframe: \"home\" observation { slice { array: QPOS }";
  const std::string errors =
      " latency_steps { min: 3 max: 9 } lost_share: 0.5 } action { noise: 1 bias { min: 1 max: 2 } "
      "} "
      "randomize { property: BODY_COM add { min: 0.01 max: 0.02 } }";
  Make(absl::StrCat(plain, " } action { }"));
  const std::vector<uint64_t> nominal = ResetBits(env_.get(), 3);
  Make(absl::StrCat(plain, errors));
  auto without = MakeEnv("mjcf:" + dir_.File("task.textproto"), {{"randomize", "false"}}, "");
  ASSERT_OK(without);
  EXPECT_EQ(ResetBits(without->get(), 3), nominal);
  Make(absl::StrCat(plain, " } action { }"));
  ResetBits(env_.get(), 3);
  Pcg64 actions(1), same(1);
  EXPECT_EQ(Roll(without->get(), &actions, 100), Roll(env_.get(), &same, 100));
}

TEST_F(RealRobotTest, ARestoredStateIsAsLateAndAsLossy) {
  const std::string text =
      "keyframe: \"home\" frame_skip: 3 max_episode_steps: 30 "
      "observation { slice { array: QPOS } latency_steps { min: 2 max: 8 } lost_share: 0.3 noise: "
      "0.1 "
      "history: 2 } action { noise: 0.1 bias { min: -0.1 max: 0.1 } } action_latency_steps { max: "
      "4 "
      "min: 0 } randomize { property: BODY_COM add { min: -0.01 max: 0.01 } } "
      "randomize { property: SERVO_DAMPING name: \"*_hip\" scale { min: 0.5 max: 2 } }";
  for (const int steps : {1, 5, 29, 30, 44}) {
    Make(absl::StrCat(text,
                      " observation { slice { array: BODY_LINVEL name: \"torso\" } "
                      "latency_steps { min: 0 max: 5 } }"));
    auto second = MakeEnv("mjcf:" + dir_.File("task.textproto"), {}, "");
    ASSERT_OK(second);
    Pcg64 actions(steps);
    ResetBits(env_.get(), 9);
    Roll(env_.get(), &actions, steps);
    ResetBits(second->get(), 4);
    ASSERT_OK(Load(second->get(), Saved(*env_)));
    Pcg64 same = actions;
    EXPECT_EQ(Roll(env_.get(), &actions, 90), Roll(second->get(), &same, 90)) << steps;
  }
}

}  // namespace
}  // namespace pmoe
