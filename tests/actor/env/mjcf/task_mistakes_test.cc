// A mistake in a task file is named with its line, field and value, and what would be right.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/actor/env/mjcf/task_file.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

// One line of a task file, and a part of what is said about it. Line 1 is the model's, 2 the
// observation's and reward's.
struct Mistake {
  std::string name;
  std::string line;
  std::string said;
};

std::string Repeated(int times, const std::string& text) {
  std::string all;
  for (int i = 0; i < times; ++i) absl::StrAppend(&all, text, " ");
  return all;
}

constexpr char kSee[] = "observation { slice { array: ";
constexpr char kPay[] = "reward { ";

// tidy: long because it is a list.
std::vector<Mistake> MistakesInWhatIsSeen() {
  const std::string see = kSee;
  return {
      {"KeyframeUnknown", "keyframe: \"hom\"",
       ":3: keyframe: the model has no key named \"hom\"; did you mean home?"},
      {"KeyframeNumberTooLarge", "keyframe: \"2\"", "it has 2 keyframes"},
      {"StartOfAResult", "start { slice { array: XPOS } noise: 1 }",
       ":3: start[0].slice: XPOS follows from the pose"},
      {"StartWithoutKind", "start { slice { array: QPOS } }", ":3: start[0]: has no kind"},
      {"StartRangeUpsideDown", "start { slice { array: QPOS } range { min: 1 max: 0 } }",
       ":3: start[0].range: min 1 is above max 0"},
      {"StartRangeWithoutEnd", "start { slice { array: QPOS } range { min: 1 } }",
       "start[0].range: needs a finite min and max, got 1 and inf"},
      {"StartNoiseNegative", "start { slice { array: QPOS } noise: -1 }",
       "start[0].noise: must be a finite number >= 0, got -1"},
      {"YawOfAHinge", "start { slice { array: QPOS name: \"tail\" } yaw { min: 0 max: 1 } }",
       "turns the QPOS of one free joint"},
      {"SettleNegative", "settle_s: -1", ":3: settle_s: must be >= 0"},
      {"ActivationOfNone", see + "ACT name: \"left_hip\" } }",
       "ACT of actuator \"left_hip\" has 0 numbers"},
      {"PatternOfNothing", see + "QPOS name: \"wing_*\" } }",
       "the model has no joint named \"wing_*\""},
      {"ComputedWithoutName", see + "BODY_LINVEL } }",
       "observation[1].slice: BODY_LINVEL needs a name"},
      {"TimeWithName", see + "TIME name: \"torso\" } }", "TIME takes no name"},
      {"BodyUnknown", see + "PROJECTED_GRAVITY name: \"torzo\" } }",
       "the model has no body named \"torzo\"; did you mean torso?"},
      {"CommandUnknown", see + "COMMAND name: \"speed\" } }",
       "the task has no command named \"speed\""},
      {"HistoryOfNothing", see + "QPOS } history: 0 }",
       "observation[1].history: must be in [1, 1000], got 0"},
      {"NoiseNegative", see + "QPOS } noise: -0.1 }",
       "observation[1].noise: must be >= 0, got -0.1"},
      {"DelayInHalfSteps", see + "QPOS } delay_steps { min: 0 max: 0.5 } }",
       "delay_steps: min and max must be whole numbers of steps"},
      {"LatencyInHalfSteps", see + "QPOS } latency_steps { min: 0 max: 0.5 } }",
       ":3: observation[1].latency_steps: min and max must be whole numbers of steps"},
      {"LatencyBesideDelay",
       see + "QPOS } latency_steps { min: 0 max: 1 } delay_steps { min: 0 max: 1 } }",
       "latency_steps: and delay_steps are one thing in two units"},
      {"LatencyOfWhatIsComputedOnce",
       see + "CFRC_EXT name: \"torso\" } latency_steps { min: 0 max: 1 } }",
       "CFRC_EXT is computed once per environment step; use delay_steps"},
      {"EverythingLost", see + "QPOS } lost_share: 1 }",
       "observation[1].lost_share: must be in [0, 1), got 1"},
      {"LostShareNoNumber", see + "QPOS } lost_share: nan }", "must be in [0, 1), got nan"},
      {"ObservationTooLarge", Repeated(14, see + "CINERT } history: 1000 }"),
       "the observation has more than 1048576 numbers"},
  };
}

// tidy: long because it is a list.
std::vector<Mistake> MistakesInWhatIsDone() {
  const std::string pay = kPay;
  return {
      {"CommandWithoutRange", "command { name: \"speed\" }", ":3: command[0].range: is missing"},
      {"CommandTwice",
       "command { name: \"a\" range { min: 0 max: 1 } } command { name: \"a\" range { min: 0 max: "
       "1 } }",
       "command[1].name: is taken"},
      {"CommandOfABodyThatStays",
       "command { name: \"a\" range { min: 0 max: 1 } mocap: \"torso\" }",
       "body \"torso\" is no mocap body"},
      {"ClockWithoutPeriod", "clock { name: \"a\" }", ":3: clock[0].period_s: must be > 0"},
      {"ActuatorUnknown", "action { actuator: \"left_hipp\" scale: 1 }",
       ":3: action[0].actuator[0]: the model has no actuator named \"left_hipp\"; did you mean "
       "left_hip?"},
      {"CentreWithoutScale", "action { offset: 1 }", ":3: action[0]: has a centre and no scale"},
      {"ScaleZero", "action { scale: 0 }", "action[0].scale: must be > 0, got 0"},
      {"ActionNoiseNegative", "action { noise: -1 }", ":3: action[0].noise: must be >= 0, got -1"},
      {"ActionBiasWithoutEnd", "action { bias { min: 0 } }",
       "action[0].bias: needs a finite min and max"},
      {"AroundNoKeyframe", "action { scale: 1 around_keyframe: true }",
       "around_keyframe needs the task's keyframe"},
      {"BoundsUpsideDown", "action { range { min: 2 max: 1 } }",
       "action[0].range: min 2 is above max 1"},
      {"NoForceRange", "action { range_from: FORCE_RANGE }",
       "actuator \"left_hip\" has no FORCE_RANGE"},
      {"LatencyNegative", "action_latency_steps { min: -1 max: 1 }",
       ":3: action_latency_steps: min and max must be whole"},
      {"TrackWithoutTarget", pay + "track { slice { array: TIME } } }",
       ":3: reward[1].track: needs a command or a target"},
      {"TrackOfAnotherSize", pay + "track { slice { array: TIME } target: [1, 2] } }",
       "the slice has 1 numbers, what it is to follow 2"},
      {"TrackTooSharp", pay + "track { slice { array: TIME } target: 1 sigma: 0 } }",
       "reward[1].track.sigma: must be > 0, got 0"},
      {"TiltOfNothing", pay + "tilt { } }",
       "reward[1].tilt.body: the model has no body named \"\""},
      {"LimitsOfAFreeJoint", pay + "joint_limits { joint: \"root\" } }",
       "joint \"root\" has no range"},
      {"ContactOfNothing", pay + "contact { } }",
       "reward[1].contact: names neither a body nor a geom"},
      {"DistanceOfOnePoint", pay + "distance { from { array: TIME } } }",
       "reward[1].distance: needs `to` or a command"},
      {"DistanceOfOtherSizes", pay + "distance { from { array: TIME } to { array: MOCAP_POS } } }",
       "its two points have 1 and 3 numbers"},
      {"SuccessWithoutRadius",
       pay + "success { distance { from { array: TIME } to { array: TIME } } } }",
       "reward[1].success.below: must be > 0, got 0"},
      {"WeightWithoutBound", pay + "weight: inf alive: true }",
       ":3: reward[1].weight: must be a number"},
      {"RandomizeNothing", "randomize { property: BODY_MASS }",
       ":3: randomize[0]: has neither scale nor add"},
      {"MassOfNothing", "randomize { property: BODY_MASS scale { min: 0 max: 1 } }",
       "randomize[0].scale: min must be > 0, got 0"},
      {"MassBelowNothing",
       "randomize { property: BODY_MASS name: \"torso\" add { min: -5 max: 1 } }",
       "would make the number of body \"torso\" -1"},
      {"GainAdded", "randomize { property: ACTUATOR_GAIN add { min: 0 max: 1 } }",
       "ACTUATOR_GAIN can be scaled only"},
      {"GravityNamed", "randomize { property: GRAVITY name: \"x\" scale { min: 1 max: 2 } }",
       "GRAVITY takes no name"},
      {"CentreOfMassScaled", "randomize { property: BODY_COM scale { min: 1 max: 2 } }",
       "randomize[0].scale: BODY_COM is moved, not scaled"},
      {"DampingOfAMuscle", "randomize { property: SERVO_DAMPING scale { min: 1 max: 2 } }",
       "randomize[0]: actuator \"tail\" is no position servo with a kv of its own"},
      {"DampingAdded",
       "randomize { property: SERVO_DAMPING name: \"left_hip\" add { min: 0 max: 1 } }",
       "SERVO_DAMPING can be scaled only"},
      {"PushNobody", "push { body: \"t\" force { min: 0 max: 1 } every_s { min: 1 max: 2 } }",
       ":3: push[0].body: the model has no body named \"t\""},
      {"PushForEver",
       "push { body: \"torso\" force { min: 0 max: 1 } every_s { min: 1 max: 2 } duration_s: 3 }",
       "needs 0 < duration_s <= every_s.min, got 3 and 1"},
  };
}

class TaskMistakeTest : public ::testing::TestWithParam<Mistake> {
 protected:
  TempDir dir_;
};

TEST_P(TaskMistakeTest, IsNamed) {
  const auto env =
      TryTask(&dir_, absl::StrCat("observation { slice { array: QPOS } } reward { constant: 1 }\n",
                                  GetParam().line));
  EXPECT_THAT(env.status(), IsInvalid(GetParam().said));
}

INSTANTIATE_TEST_SUITE_P(Seen, TaskMistakeTest, ::testing::ValuesIn(MistakesInWhatIsSeen()),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Done, TaskMistakeTest, ::testing::ValuesIn(MistakesInWhatIsDone()),
                         [](const auto& info) { return info.param.name; });

TEST(UnboundedActuatorTest, WithARangeWithoutEndIsNamedToo) {
  TempDir dir;
  const std::string model = dir.File("robot.xml");
  std::ofstream(model) << "<mujoco><worldbody><body><joint name='j'/><geom size='1'/></body>"
                          "</worldbody><actuator><motor name='elbow' joint='j' "
                          "ctrllimited='true' ctrlrange='-inf inf'/></actuator></mujoco>";
  EXPECT_THAT(
      TryTask(&dir, "observation { slice { array: QPOS } } reward { alive: true }", model).status(),
      IsInvalid(absl::StrCat(model, ": actuator \"elbow\" has the ctrlrange -inf inf")));
}

// Its mass matrix has no place for what a centre of mass elsewhere brings.
TEST(BalancedBodyTest, WhoseCentreOfMassIsToMoveIsNamed) {
  TempDir dir;
  const std::string model = dir.File("ball.xml");
  std::ofstream(model)
      << "<mujoco><worldbody><body name='ball'><freejoint/><geom size='1'/></body>"
         "<body name='arm'><joint name='j'/><geom size='1' pos='1 0 0'/></body></worldbody>"
         "<actuator><motor joint='j' ctrlrange='-1 1'/></actuator></mujoco>";
  const std::string text =
      "observation { slice { array: QPOS } } reward { constant: 1 } "
      "randomize { property: BODY_COM add { min: 0 max: 0.1 } ";
  EXPECT_THAT(TryTask(&dir, text + "}", model).status(),
              IsInvalid("body \"ball\" has its centre of mass at its joint"));
  EXPECT_OK(TryTask(&dir, text + "name: 'arm' }", model));
}

TEST(UnboundedActuatorTest, IsNamedWithItsModel) {
  TempDir dir;
  const std::string model = dir.File("robot.xml");
  std::ofstream(model) << "<mujoco><worldbody><body><joint name='j'/><geom size='1'/></body>"
                          "</worldbody><actuator><motor name='elbow' joint='j'/></actuator>"
                          "</mujoco>";
  const std::string text = "observation { slice { array: QPOS } } reward { constant: 1 }";
  EXPECT_THAT(TryTask(&dir, text, model).status(),
              IsInvalid(absl::StrCat(model, ": actuator \"elbow\" has no ctrlrange")));
  EXPECT_OK(TryTask(&dir, text + " action { range { min: -1 max: 1 } }", model));
}

}  // namespace
}  // namespace pmoe
