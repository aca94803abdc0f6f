// A task that moves, changes or goes between a run's start and what comes later.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "tests/cli/train/train_testing.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class EnvChangeTest : public TrainTest {
 protected:
  void SetUp() override { WriteProject("project"); }

  // The crawler's files, in a folder of that name.
  void WriteProject(const std::string& folder) {
    const std::string source = SourceFile("deploy/configs/tasks/");
    fs::create_directories(dir_.File(folder));
    for (const char* file : {"crawler.xml", "crawler.textproto"}) {
      fs::copy_file(source + file, dir_.File(folder) + "/" + file,
                    fs::copy_options::overwrite_existing);
    }
  }
  std::string Task(const std::string& folder) const {
    return "mjcf:" + dir_.File(folder) + "/crawler.textproto";
  }
  void Change(const std::string& file, const std::string& from, const std::string& to) {
    const std::string path = dir_.File("project") + "/" + file;
    const std::string text = BytesOf(path);
    ASSERT_THAT(text, HasSubstr(from));
    std::ofstream(path) << absl::StrReplaceAll(text, {{from, to}});
  }
  std::vector<std::string> SmallRun(const std::string& steps) const {
    return {"--env",       Task("project"),
            "--steps",     steps,
            "--dashboard", "none",
            "--set",       "schedule.start_steps=100",
            "--set",       "schedule.update_after=100",
            "--set",       "policy.hidden=16,16",
            "--set",       "learner.critic_hidden=16,16",
            "--set",       "learner.batch_size=16",
            "--set",       "observe.video=false",
            "--set",       "observe.eval_every_steps=0",
            "--set",       "observe.eval_episodes=1"};
  }
  std::string MustTrainSmall() { return MustTrain("run", SmallRun("300")); }
  ProcessResult Resume(const std::string& run, const std::vector<std::string>& more = {}) {
    return Train({"--resume", run, "--steps", "400", "--dashboard", "none"}, more);
  }
  ProcessResult Command(const std::string& command, const std::string& run,
                        const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {Binary("pmoe"), command, "--run", run};
    if (command == "export") words.insert(words.end(), {"--out", dir_.File("policy.npz")});
    if (command == "play") {
      words.insert(words.end(), {"--png", dir_.File("png"), "--frames", "1"});
    }
    words.insert(words.end(), more.begin(), more.end());
    return RunProcess(words);
  }
  void ExpectRefused(const ProcessResult& result, const std::string& message) {
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr(message));
  }
  void ExpectFine(const ProcessResult& result) { EXPECT_EQ(result.exit_code, 0) << result.output; }
};

TEST_F(EnvChangeTest, TheRunKeepsItsTaskAndModel) {
  const std::string run = MustTrainSmall();
  for (const std::string& file : {std::string("crawler.xml"), std::string("crawler.textproto")}) {
    EXPECT_EQ(BytesOf(run + "/env/files/" + file), BytesOf(dir_.File("project/" + file)));
  }
  EXPECT_THAT(BytesOf(run + "/env/identity.textproto"), HasSubstr("task.reward[1].weight"));
}

TEST_F(EnvChangeTest, AChangedRewardIsRefusedByNameEverywhereAndLosesNothing) {
  const std::string run = MustTrainSmall();
  const std::string config = BytesOf(run + "/config.textproto");
  const std::string metrics = BytesOf(run + "/metrics.csv");
  Change("crawler.textproto", "weight: 0.1 alive", "weight: 0.5 alive");
  const std::string difference = "task.reward[1].weight: 0.1 -> 0.5";
  ExpectRefused(Resume(run), difference);
  for (const char* command : {"eval", "export", "play"}) {
    ExpectRefused(Command(command, run), difference);
  }
  ExpectRefused(RunProcess({Binary("pmoe"), "up", "--resume", run, "--steps", "400"}), difference);
  EXPECT_EQ(BytesOf(run + "/config.textproto"), config);
  EXPECT_EQ(BytesOf(run + "/metrics.csv"), metrics);
}

TEST_F(EnvChangeTest, AChangedModelIsRefusedByFileAndNumber) {
  const std::string run = MustTrainSmall();
  Change("crawler.xml", "timestep=\"0.01\"", "timestep=\"0.005\"");
  const ProcessResult result = Resume(run);
  ExpectRefused(result, "file crawler.xml: changed");
  EXPECT_THAT(result.output, HasSubstr("model.opt.timestep: 0.01 -> 0.005"));
}

TEST_F(EnvChangeTest, AnotherTaskGoesOnWhenItIsAllowedAndIsWrittenDown) {
  const std::string run = MustTrainSmall();
  Change("crawler.textproto", "weight: 0.1 alive", "weight: 0.5 alive");
  const ProcessResult result = Resume(run, {"--allow-other-env"});
  ExpectFine(result);
  EXPECT_THAT(result.output, HasSubstr("WARNING: the run goes on with another task"));
  EXPECT_THAT(BytesOf(run + "/log.txt"), HasSubstr("task.reward[1].weight: 0.1 -> 0.5"));
  EXPECT_THAT(BytesOf(run + "/env.1/files/crawler.textproto"), HasSubstr("weight: 0.1 alive"));
  EXPECT_THAT(BytesOf(run + "/env/files/crawler.textproto"), HasSubstr("weight: 0.5 alive"));
  ExpectFine(Command("eval", run));
}

TEST_F(EnvChangeTest, EvaluationInAnotherTaskSaysSo) {
  const std::string run = MustTrainSmall();
  Change("crawler.textproto", "weight: 0.1 alive", "weight: 0.5 alive");
  const ProcessResult result = Command("eval", run, {"--allow-other-env"});
  ExpectFine(result);
  EXPECT_THAT(result.output, HasSubstr("WARNING: not the task"));
}

TEST_F(EnvChangeTest, AnotherSizeIsNeverAllowed) {
  const std::string run = MustTrainSmall();
  Change("crawler.textproto", "observation { slice { array: QPOS begin: 1 } }", "");
  ExpectRefused(Resume(run, {"--allow-other-env"}), "observations: 12 -> 8");
  ExpectRefused(Command("eval", run, {"--allow-other-env"}), "observations: 12 -> 8");
  fs::remove_all(run + "/env");  // as of a run of before
  ExpectRefused(Command("eval", run, {"--allow-other-env"}), "12 observations");
}

TEST_F(EnvChangeTest, ARunOfBeforeGoesOnWithANoteAndKeepsItsTaskFromThenOn) {
  const std::string run = MustTrainSmall();
  fs::remove_all(run + "/env");
  const ProcessResult result = Resume(run);
  ExpectFine(result);
  EXPECT_THAT(result.output, HasSubstr("does not say what task it was made with"));
  EXPECT_TRUE(fs::exists(run + "/env/files/crawler.xml"));
}

TEST_F(EnvChangeTest, AMovedProjectIsFoundByItsNewName) {
  const std::string run = MustTrainSmall();
  fs::rename(dir_.File("project"), dir_.File("moved here"));
  ExpectRefused(Resume(run), "no task file at");
  for (const char* command : {"eval", "export"}) {
    ExpectFine(Command(command, run, {"--env", Task("moved here")}));
  }
  ExpectFine(Resume(run, {"--env", Task("moved here")}));
  ExpectFine(Command("eval", run));
}

TEST_F(EnvChangeTest, TheRunsOwnCopyStandsInForATaskThatIsGone) {
  const std::string run = MustTrainSmall();
  const ProcessResult before = Command("eval", run);
  fs::remove_all(dir_.File("project"));
  const ProcessResult after = Command("eval", run);
  ExpectFine(after);
  EXPECT_THAT(after.output, HasSubstr("the run's own copy in"));
  EXPECT_THAT(after.output, HasSubstr(before.output));
}

TEST_F(EnvChangeTest, AModelThatMovedIsFoundByItsParameter) {
  const std::string run = MustTrain("run", SmallRun("300"), {"--env-arg", "frame_skip=4"});
  fs::rename(dir_.File("project/crawler.xml"), dir_.File("robot.xml"));
  const std::string model = "xml_file=" + dir_.File("robot.xml");
  ExpectFine(Command("eval", run, {"--env-arg", model}));
  ExpectFine(Resume(run, {"--env-arg", model}));
  ExpectRefused(Resume(run, {"--env-arg", "frame_skip=3"}), "the task's parameters");
}

TEST_F(EnvChangeTest, AStoppedRunWhoseProjectMovedGoesOnBitForBit) {
  std::vector<std::string> words = SmallRun("600");
  const std::string whole = MustTrain("whole", words);
  words.insert(words.end(), {"--out", dir_.File("parts")});
  ChildProcess child(TrainTest::Command(words, {"--set", "observe.log_every_steps=50"}));
  ASSERT_TRUE(child.ReadUntil("150/600"));
  child.Signal(SIGINT);
  const ProcessResult stopped = child.Wait();
  ASSERT_THAT(stopped.output, HasSubstr("go on with")) << "it ended before it was interrupted";
  fs::rename(dir_.File("project"), dir_.File("moved"));
  const ProcessResult resumed =
      Train({"--resume", dir_.File("parts"), "--dashboard", "none"}, {"--env", Task("moved")});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  EXPECT_TRUE(BytesOf(whole + "/snapshots/latest.pmoe") ==
              BytesOf(dir_.File("parts") + "/snapshots/latest.pmoe"));
}

TEST_F(EnvChangeTest, EveryCommandRefusesATaskInTheSameWords) {
  const std::string run = MustTrainSmall();
  Change("crawler.xml", "ctrlrange=\"-1 1\"", "ctrlrange=\"-inf inf\"");
  const std::string task = Task("project");
  std::ofstream(dir_.File("actions.csv")) << "0,0\n";
  const auto last_line = [](const std::string& text) {
    const size_t begin = text.rfind("pmoe: ");
    return begin == std::string::npos ? "" : text.substr(begin);
  };
  const ProcessResult train = Train({"--env", task, "--out", dir_.File("other")});
  EXPECT_EQ(train.exit_code, 2) << train.output;
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"config", "check", "--env", task},
           {"up", "--env", task, "--out", dir_.File("other")},
           {"env", "trace", "--env", task, "--actions", dir_.File("actions.csv")},
           {"eval", "--run", run, "--env", task},
           {"play", "--run", run, "--env", task, "--png", dir_.File("png")}}) {
    std::vector<std::string> command = words;
    command.insert(command.begin(), Binary("pmoe"));
    const ProcessResult result = RunProcess(command);
    EXPECT_EQ(result.exit_code, 2) << words[0];
    EXPECT_EQ(last_line(result.output), last_line(train.output)) << words[0];
  }
  EXPECT_FALSE(fs::exists(dir_.File("other")));
}

}  // namespace
}  // namespace pmoe
