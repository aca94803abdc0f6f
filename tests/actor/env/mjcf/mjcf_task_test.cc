// Task files: what a robot of one's own pays, and what is said about a file with a mistake.
#include "actor/env/mjcf/mjcf_task.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "actor/env/registry.h"
#include "common/base/file.h"
#include "tests/actor/env/rollout.h"
#include "tests/testing/paths.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

std::string CrawlerFile() { return SourceFile("deploy/configs/tasks/crawler.textproto"); }

TEST(MjcfTaskTest, PaysWhatTheFileSays) {
  const auto env = MustMake("mjcf:" + CrawlerFile());
  const MujocoEnv& simulator = static_cast<const MujocoEnv&>(*env);
  std::vector<double> obs(env->spec().obs_dim);
  ASSERT_EQ(obs.size(), 4u + 5u + 3u);
  EXPECT_EQ(env->spec().max_episode_steps, 400);
  env->Reset(1, absl::MakeSpan(obs));
  const std::vector<double> action = {0.4, -0.8};
  for (int step = 0; step < 50; ++step) {
    const double before = simulator.data().qpos[0];
    const StepResult result = env->Step(action, absl::MakeSpan(obs));
    const double speed = (simulator.data().qpos[0] - before) / 0.05;
    EXPECT_NEAR(result.reward, speed + 0.1 - 0.01 * (0.16 + 0.64), 1e-12);
    EXPECT_EQ(obs[0], simulator.data().qpos[1]);
    EXPECT_EQ(obs[9], simulator.data().sensordata[0]);
  }
}

TEST(MjcfTaskTest, TheModelLiesBesideTheFileFromWhereverItIsNamed) {
  const std::string relative = std::filesystem::relative(CrawlerFile()).string();
  ASSERT_NE(relative.front(), '/');
  EXPECT_OK(MakeEnv("mjcf:" + relative, {}, ""));
}

// The crawler in a folder of its own, with another word for its model.
class ModelNameTest : public ::testing::Test {
 protected:
  absl::Status Make(const std::string& model, const std::map<std::string, std::string>& args = {}) {
    const std::string text =
        absl::StrReplaceAll(*ReadFile(CrawlerFile()), {{"./crawler.xml", model}});
    std::ofstream(dir_.File("task.textproto")) << text;
    return MakeEnv("mjcf:" + dir_.File("task.textproto"), args, "").status();
  }
  void PutModel(const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::filesystem::copy_file(std::filesystem::path(CrawlerFile()).replace_extension("xml"), path);
  }

  TempDir dir_;
};

TEST_F(ModelNameTest, ABareNameIsLookedForBesideTheFileFirst) {
  PutModel(dir_.File("hopper.xml"));  // Gymnasium has one too, without the crawler's joints
  EXPECT_OK(Make("hopper.xml"));
  PutModel(dir_.File("my robots/ü.xml"));
  EXPECT_OK(Make("my robots/ü.xml"));
}

TEST_F(ModelNameTest, ABareNameIsThenAGymnasiumModel) {
  EXPECT_THAT(Make("hopper.xml"), IsInvalid("the model has no"));
}

TEST_F(ModelNameTest, AWaveIsTheHomeFolder) {
  const std::string home = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
  setenv("HOME", dir_.File("home").c_str(), /*overwrite=*/1);
  PutModel(dir_.File("home/robot.xml"));
  const absl::Status status = Make("~/robot.xml");
  const absl::Status nobody = Make("~no such user/robot.xml");
  setenv("HOME", home.c_str(), /*overwrite=*/1);
  EXPECT_OK(status);
  EXPECT_THAT(nobody, FailsWith(absl::StatusCode::kNotFound, "~no such user/robot.xml"));
}

TEST_F(ModelNameTest, AModelThatIsNowhereListsWhereItWasLookedFor) {
  const absl::Status bare = Make("robot.xml");
  EXPECT_THAT(bare, FailsWith(absl::StatusCode::kNotFound,
                              absl::StrCat("task.textproto:2: model: there is no file ",
                                           dir_.File("robot.xml"), " and no ")));
  EXPECT_THAT(bare, FailsWith(absl::StatusCode::kNotFound, "assets/robot.xml"));
  EXPECT_THAT(Make("/nowhere/robot.xml"),
              FailsWith(absl::StatusCode::kNotFound, "there is no file /nowhere/robot.xml"));
}

TEST_F(ModelNameTest, AnotherModelCanStandInForOneThatIsGone) {
  PutModel(dir_.File("elsewhere/robot.xml"));
  EXPECT_OK(Make("robot.xml", {{"xml_file", dir_.File("elsewhere/robot.xml")}}));
}

TEST(MjcfTaskTest, EndsWhereItIsNotHealthy) {
  const auto env = MustMake("mjcf:" + CrawlerFile(), {{"reset_noise_scale", "2"}});
  std::vector<double> obs(env->spec().obs_dim);
  const std::vector<double> idle(2, 0.0);
  int ended = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    env->Reset(seed, absl::MakeSpan(obs));
    const StepResult result = env->Step(idle, absl::MakeSpan(obs));
    EXPECT_EQ(result.terminated, std::abs(obs[1]) >= 1.2) << seed;
    ended += result.terminated;
  }
  EXPECT_GT(ended, 0);
  EXPECT_LT(ended, 20);
}

// The crawler's file with one text replaced by another.
class MistakeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path folder = std::filesystem::path(CrawlerFile()).parent_path();
    std::filesystem::copy_file(folder / "crawler.xml", dir_.File("crawler.xml"));
    text_ = *ReadFile(CrawlerFile());
  }
  absl::Status Make(const std::string& from, const std::string& to) {
    EXPECT_NE(text_.find(from), std::string::npos) << from;
    std::ofstream(dir_.File("task.textproto")) << absl::StrReplaceAll(text_, {{from, to}});
    return MakeEnv("mjcf:" + dir_.File("task.textproto"), {}, "").status();
  }
  void ExpectError(const std::string& from, const std::string& to, const std::string& part) {
    EXPECT_THAT(Make(from, to), IsInvalid(part));
  }

  TempDir dir_;
  std::string text_;
};

TEST_F(MistakeTest, WithoutOneTheFileLoads) { EXPECT_OK(Make("crawler", "crawler")); }

TEST_F(MistakeTest, UnknownFieldIsNamedWithItsLine) {
  ExpectError("frame_skip:", "frame_skipp:",
              "task.textproto:3: unknown field frame_skipp; did you mean frame_skip?");
}

TEST_F(MistakeTest, WrongTypeIsNamedWithItsLine) {
  ExpectError("frame_skip: 5", "frame_skip: \"five\"", "task.textproto:3: frame_skip");
}

TEST_F(MistakeTest, UnknownNameInTheModelIsNamedWithItsLine) {
  ExpectError("name: \"pitch\"", "name: \"pich\"",
              "task.textproto:11: healthy[0].slice: the model has no joint named \"pich\"; did you "
              "mean pitch?");
  ExpectError("hand_velocity", "foot_velocity",
              "task.textproto:9: observation[2].slice: the model has no sensor named");
}

TEST_F(MistakeTest, SliceBeyondTheArrayIsRefused) {
  ExpectError("array: QPOS begin: 1", "array: QPOS begin: 5",
              "task.textproto:7: observation[0].slice: begin 5 and count 0 do not fit: QPOS has 5");
}

TEST_F(MistakeTest, ARateOfSeveralNumbersIsRefused) {
  ExpectError("rate { slice { array: QPOS name: \"x\" } }", "rate { slice { array: QPOS } }",
              "task.textproto:13: reward[0].rate.slice: must be one number, is 5");
}

TEST_F(MistakeTest, ATermWithoutAKindIsRefused) {
  ExpectError("reward { weight: 0.1 alive: true }", "reward { weight: 0.1 }",
              "task.textproto:14: reward[1]: has no kind");
}

TEST_F(MistakeTest, BoundsUpsideDownAreRefused) {
  ExpectError("min: -1.2 max: 1.2", "min: 1.2 max: -1.2", "healthy[0]: min 1.2 is above max -1.2");
}

TEST_F(MistakeTest, AModelThatDoesNotCompileShowsMujocosMessage) {
  std::ofstream(dir_.File("bad.xml")) << "<mujoco><worldbody><geom/></worldbody></mujoco>";
  ExpectError("./crawler.xml", "./bad.xml", "bad.xml: ");
}

TEST(MjcfTaskErrorTest, AFileThatIsNotThereIsNamed) {
  EXPECT_THAT(MakeEnv("mjcf:/nowhere/task.textproto", {}, ""),
              FailsWith(absl::StatusCode::kNotFound, "no task file at /nowhere/task.textproto"));
}

}  // namespace
}  // namespace pmoe
