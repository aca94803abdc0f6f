// gym: and gym-process:, each with Python's real Gymnasium: the same tests for both, and what is
// special to each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "actor/env/registry.h"
#include "actor/env_record.h"
#include "control/wire/env_identity.h"
#include "tests/actor/env/rollout.h"
#include "tests/testing/paths.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

const std::vector<double> kZero = {0.0}, kHalf = {0.5}, kTwo = {0.25, -0.5};

using Args = std::map<std::string, std::string>;

class GymEnvTest : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() {
    ::setenv("PYTHONPATH", SourceFile("tests/actor/env/gym").c_str(), 1);
    ::setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
  }
  static std::string Own(const std::string& id) { return GetParam() + "own_envs:" + id; }
  // The environment, one step before it does what `fault` says.
  static std::unique_ptr<Env> AboutTo(const std::string& fault, std::vector<double>* obs) {
    auto env = MustMake(Own("Point-v0"), {{"fault", fault}, {"at", "2"}});
    obs->resize(2);
    env->Reset(4, absl::MakeSpan(*obs));
    env->Step(kHalf, absl::MakeSpan(*obs));
    return env;
  }
  // What its second step says of `fault`.
  static absl::Status StepThat(const std::string& fault) {
    std::vector<double> obs;
    const auto env = AboutTo(fault, &obs);
    EXPECT_OK(env->error());
    const StepResult result = env->Step(kHalf, absl::MakeSpan(obs));
    EXPECT_TRUE(BrokeDown(result, obs)) << fault;
    return env->error();
  }
};

INSTANTIATE_TEST_SUITE_P(Where, GymEnvTest, testing::Values("gym:", "gym-process:"),
                         [](const auto& info) {
                           return info.param == "gym:" ? "Embedded" : "InAProcess";
                         });

TEST_P(GymEnvTest, HasTheBitsOfOurOwnTask) {
  const auto gym = MustMake(GetParam() + "HalfCheetah-v5"), own = MustMake("HalfCheetah-v5");
  EXPECT_EQ(gym->spec().action_low, own->spec().action_low);
  EXPECT_EQ(gym->spec().max_episode_steps, own->spec().max_episode_steps);
  EXPECT_EQ(ResetBits(gym.get(), 7), ResetBits(own.get(), 7));
  Pcg64 actions(3), again(3);
  EXPECT_EQ(Roll(gym.get(), &actions, 1200), Roll(own.get(), &again, 1200));
}

TEST_P(GymEnvTest, AMujocoTaskGoesOnBitForBitFromItsState) {
  for (const std::string id : {"Ant-v5", "Reacher-v5", "Humanoid-v5"}) {
    const auto env = MustMake(GetParam() + id);
    Pcg64 actions(3);
    ResetBits(env.get(), 4);
    Roll(env.get(), &actions, 60);
    ASSERT_TRUE(env->can_save());
    const std::string state = Saved(*env);
    // In the other place: a run may move from one to the other.
    const auto fresh = MustMake((GetParam() == "gym:" ? "gym-process:" : "gym:") + id);
    ASSERT_OK(Load(fresh.get(), state));
    Pcg64 again = actions;
    EXPECT_EQ(Roll(fresh.get(), &again, 150), Roll(env.get(), &actions, 150)) << id;
    const auto other = MustMake(GetParam() + "HalfCheetah-v5");
    EXPECT_EQ(Load(other.get(), state).code(), absl::StatusCode::kFailedPrecondition);
  }
}

TEST_P(GymEnvTest, AClassThatSavesItselfGoesOnAndOneThatDoesNotSaysSo) {
  const auto env = MustMake(Own("SavedPoint-v0")), fresh = MustMake(Own("SavedPoint-v0"));
  Pcg64 actions(3);
  ResetBits(env.get(), 4);
  Roll(env.get(), &actions, 30);
  ASSERT_TRUE(env->can_save());
  ASSERT_OK(Load(fresh.get(), Saved(*env)));
  Pcg64 again = actions;
  EXPECT_EQ(Roll(fresh.get(), &again, 150), Roll(env.get(), &actions, 150));
  const auto plain = MustMake(Own("Point-v0"));
  ResetBits(plain.get(), 4);
  EXPECT_FALSE(plain->can_save());
}

TEST_P(GymEnvTest, PartsOfADictLieInTheOrderOfItsKeysWithTheirNames) {
  const auto env = MustMake(Own("Named-v0"));
  EXPECT_THAT(env->ObservationNames(),
              ElementsAre("z[0,0]", "z[0,1]", "z[1,0]", "z[1,1]", "a.far"));
  std::vector<double> obs(5);
  env->Reset(1, absl::MakeSpan(obs));
  EXPECT_THAT(obs, ElementsAre(1, 2, 3, 4, 5));
  env->Step(kTwo, absl::MakeSpan(obs));
  EXPECT_THAT(obs, ElementsAre(0, 1, 2, 3, -0.5));
}

TEST_P(GymEnvTest, KeywordsAreNumbersAndInfoSaysHowItFared) {
  const auto env = MustMake(Own("Point-v0"), {{"push", "4"}, {"max_episode_steps", "9"}});
  EXPECT_EQ(env->spec().max_episode_steps, 9);
  EXPECT_EQ(env->step_s(), 0.05);
  std::vector<double> obs(2);
  env->Reset(4, absl::MakeSpan(obs));
  env->Step(kHalf, absl::MakeSpan(obs));
  EXPECT_NEAR(obs[1], 4 * 0.5 * 0.05, 1e-7);
  EXPECT_THAT(env->Info(), UnorderedElementsAre(Pair("success", 0.0),
                                                Pair("speed", testing::DoubleNear(0.1, 1e-9))));
  int steps = 1;
  for (StepResult result; !result.done(); ++steps) result = env->Step(kZero, absl::MakeSpan(obs));
  EXPECT_EQ(steps, 9);
}

TEST_P(GymEnvTest, WhatItCannotActInIsRefusedWithTheReason) {
  const auto made = [](const Args& args) { return MakeEnv(Own("Named-v0"), args, ""); };
  EXPECT_THAT(made({{"discrete", "True"}}), IsInvalid("discrete actions are not for it"));
  EXPECT_THAT(made({{"whole", "true"}}), IsInvalid("whole numbers"));
  EXPECT_THAT(made({{"unbounded", "1"}}), IsInvalid("bounds must be finite"));
  EXPECT_THAT(made({{"words", "1"}}), IsInvalid("observations must be a Box or a Dict of Boxes"));
  EXPECT_THAT(made({{"no_such", "1"}}), IsInvalid("unexpected keyword argument 'no_such'"));
  EXPECT_THAT(MakeEnv(GetParam() + "CartPole-v1", {}, ""), IsInvalid("Discrete(2)"));
  EXPECT_THAT(MakeEnv(GetParam() + "HalfCheeta-v5", {}, ""), IsInvalid("HalfCheetah"));
  EXPECT_THAT(MakeEnv(GetParam() + "no_module:X-v0", {}, ""),
              IsInvalid("finds no module no_module"));
  EXPECT_THAT(MakeEnv(GetParam(), {}, ""), IsInvalid("names no environment"));
  EXPECT_THAT(MakeEnv(Own("Point-v0"), {{"fault", "import"}}, ""),
              IsInvalid("ModuleNotFoundError: No module named 'no_such_package'"));
}

TEST_P(GymEnvTest, AnExceptionIsToldWithItsTracebackAndTheNextResetGoesOn) {
  std::vector<double> obs;
  const auto env = AboutTo("step", &obs);
  EXPECT_TRUE(env->Step(kHalf, absl::MakeSpan(obs)).diverged);
  EXPECT_THAT(
      env->error().message(),
      AllOf(HasSubstr("step failed: Traceback"), HasSubstr("own_envs.py"),
            HasSubstr("ValueError: this step has had enough"), Not(HasSubstr("pmoe_gym.py"))));
  env->Reset(5, absl::MakeSpan(obs));
  EXPECT_OK(env->error());
  EXPECT_FALSE(env->Step(kHalf, absl::MakeSpan(obs)).diverged);
}

TEST_P(GymEnvTest, ObservationsThatDoNotFitAreErrors) {
  EXPECT_THAT(StepThat("shape").message(), HasSubstr("has the shape (3,), its space said (2,)"));
  EXPECT_THAT(StepThat("dtype").message(), HasSubstr("it must be numbers"));
  EXPECT_THAT(StepThat("exit").message(), HasSubstr("SystemExit: 3"));
  EXPECT_OK(StepThat("nan"));  // as of every other task: a break-down
}

TEST_P(GymEnvTest, SpacesThatChangeAreAnError) {
  const auto env = MustMake(Own("Point-v0"), {{"fault", "spaces"}});
  std::vector<double> obs(2);
  env->Reset(4, absl::MakeSpan(obs));
  env->Step(kHalf, absl::MakeSpan(obs));
  env->Reset(5, absl::MakeSpan(obs));
  EXPECT_THAT(env->error().message(), HasSubstr("its action_space has changed"));
}

TEST_P(GymEnvTest, ItDrawsItself) {
  EnvRequest request;
  request.id = Own("Point-v0");
  request.will_render = true;
  const auto env = MakeEnv(request);
  ASSERT_OK(env.status());
  std::vector<double> obs(2);
  (*env)->Reset(4, absl::MakeSpan(obs));
  const auto image = (*env)->Render();
  ASSERT_OK(image.status());
  EXPECT_EQ(image->width, 60);
  EXPECT_EQ(image->height, 40);
  EXPECT_EQ(image->rgb[3 * (20 * 60 + 30)], 255);
}

TEST_P(GymEnvTest, EnvironmentsOfSeveralThreadsStepAsOneWould) {
  std::vector<std::vector<uint64_t>> bits(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : bits) {
      threads.emplace_back([&mine] {
        const auto env = MustMake(GetParam() + "Hopper-v5");
        mine = ResetBits(env.get(), 4);
        Pcg64 actions(3);
        const auto rolled = Roll(env.get(), &actions, 100);
        mine.insert(mine.end(), rolled.begin(), rolled.end());
      });
    }
  }
  for (const auto& other : bits) EXPECT_EQ(other, bits[0]);
}

TEST_P(GymEnvTest, ItsRecordTellsAnotherClassAndNotAnotherPlace) {
  const auto record = [](const std::string& id) { return RecordEnv(*MustMake(id))->spec; };
  const EnvSpecMessage point = record(Own("Point-v0"));
  EXPECT_THAT(EnvDifferences(point, record("gym:own_envs:Point-v0")), ElementsAre());
  EXPECT_THAT(EnvDifferences(point, record("gym-process:own_envs:Point-v0")), ElementsAre());
  EXPECT_THAT(EnvDifferences(point, record(Own("SavedPoint-v0"))),
              Contains(HasSubstr("gym.env: ")));
}

TEST(GymProcessTest, ACrashIsAnErrorWithItsSignalAndPlaceAndTheNextResetStartsAnew) {
  ::setenv("PYTHONPATH", SourceFile("tests/actor/env/gym").c_str(), 1);
  const auto env = MustMake("gym-process:own_envs:Point-v0", {{"fault", "crash"}, {"at", "1"}});
  std::vector<double> obs(2);
  env->Reset(4, absl::MakeSpan(obs));
  EXPECT_TRUE(env->Step(kHalf, absl::MakeSpan(obs)).diverged);
  EXPECT_THAT(env->error().message(),
              AllOf(HasSubstr("signal 11"), HasSubstr("own_envs.py"), HasSubstr("misbehave")));
  env->Reset(4, absl::MakeSpan(obs));
  EXPECT_OK(env->error());
}

TEST(GymProcessTest, AProcessThatEndsWhileItIsMadeIsAnError) {
  ::setenv("PYTHONPATH", SourceFile("tests/actor/env/gym").c_str(), 1);
  EXPECT_THAT(MakeEnv("gym-process:own_envs:Point-v0", {{"fault", "die early"}}, ""),
              IsInvalid("its process ended while it was made: exit code 7"));
}

TEST(GymProcessTest, StepsOfSeveralRunSideBySide) {
  ::setenv("PYTHONPATH", SourceFile("tests/actor/env/gym").c_str(), 1);
  const auto one = MustMake("gym-process:own_envs:Point-v0");
  const auto other = MustMake("gym-process:own_envs:Point-v0");
  std::vector<double> obs(2), second(2);
  one->Reset(4, absl::MakeSpan(obs));
  other->Reset(4, absl::MakeSpan(second));
  one->BeginStep(kHalf);
  other->BeginStep(kHalf);
  one->Reset(9, absl::MakeSpan(obs));  // a step that nobody asked for is dropped
  one->Reset(4, absl::MakeSpan(obs));
  EXPECT_EQ(one->Step(kHalf, absl::MakeSpan(obs)).reward,
            other->Step(kHalf, absl::MakeSpan(second)).reward);
  EXPECT_EQ(obs, second);
}

TEST(GymPythonTest, AnInterpreterThatIsNoneOrTooOldIsRefused) {
  EnvRequest request;
  request.id = "gym:HalfCheetah-v5";
  request.python = "/nowhere/python3";
  EXPECT_THAT(MakeEnv(request), IsInvalid("/nowhere/python3 (--python) is no program"));
  request.python = "/bin/true";
  EXPECT_THAT(MakeEnv(request), IsInvalid("/bin/true is no Python"));
}

}  // namespace
}  // namespace pmoe
