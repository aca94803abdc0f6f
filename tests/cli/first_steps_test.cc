// What people type who do not know us yet, and the line that puts them right.
#include <filesystem>
#include <fstream>

#include "common/base/file.h"
#include "gmock/gmock.h"
#include "tests/testing/paths.h"
#include "tests/testing/run_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class FirstStepsTest : public ::testing::Test {
 protected:
  ProcessResult Pmoe(std::vector<std::string> words) {
    words.insert(words.begin(), Binary("pmoe"));
    return RunProcess(words);
  }
  // One line, the error, and no run's folder.
  void ExpectLine(std::vector<std::string> words, const std::string& message) {
    const std::string out = dir_.File("none");
    if (words.front() == "train") words.insert(words.end(), {"--out", out});
    const ProcessResult result = Pmoe(words);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, AllOf(StartsWith("pmoe: "), HasSubstr(message)));
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << result.output;
    EXPECT_FALSE(fs::exists(out));
  }
  // A finished run of 200 steps, by the policy's own actions.
  std::string Trained() {
    std::string run = dir_.File("runs/trained");
    const ProcessResult result =
        Pmoe({"train", "--env", "InvertedPendulum-v5", "--steps", "200", "--out", run, "--set",
              "schedule.steps_per_round=100", "--set", "schedule.update_after=200", "--set",
              "schedule.start_steps=0", "--set", "observe.video=false", "--dashboard", "none"});
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return run;
  }

  TempDir dir_;
};

TEST_F(FirstStepsTest, ATaskWithoutItsFlag) {
  ExpectLine({"train", "Hopper-v5"}, "what is Hopper-v5 for? Did you mean --env Hopper-v5?");
  fs::create_directory(dir_.File("a"));
  ExpectLine({"train", dir_.File("a")}, "Did you mean --resume " + dir_.File("a") + "?");
  ExpectLine({"eval", dir_.File("a")}, "Did you mean --run " + dir_.File("a") + "?");
}

TEST_F(FirstStepsTest, SettingsByOtherNames) {
  const std::string rates =
      "--set learner.actor_lr=… or --set learner.critic_lr=… or --set learner.alpha_lr=…?";
  ExpectLine({"train", "--env", "Hopper-v5", "--lr", "3e-4"}, rates);
  ExpectLine({"train", "--env", "Hopper-v5", "--batch-size=256"},
             "unknown argument --batch-size; did you mean --set learner.batch_size=…?");
  ExpectLine({"train", "--env", "Hopper-v5", "--set", "learner.lr=3e-4"},
             "did you mean learner.actor_lr or learner.critic_lr or learner.alpha_lr");
  ExpectLine({"train", "--env", "Hopper-v5", "--set", "gamma=0.9"}, "did you mean learner.gamma?");
  ExpectLine({"train", "--env", "Hopper-v5", "--sed", "3"}, "did you mean --seed?");
  for (const char* dashes : {"-", "---", "-=5"}) {
    ExpectLine({"config", "print", dashes}, "unknown argument");
  }
}

TEST_F(FirstStepsTest, ValuesAsOtherProgramsWriteThem) {
  ExpectLine({"train", "--env", "Hopper-v5", "--steps", "1M"}, "got \"1M\"; write 1e6");
  ExpectLine({"train", "--env", "Hopper-v5", "--steps", "300k"}, "write 300e3");
  ExpectLine({"train", "--env", "Hopper-v5", "--mode", "sync"}, "did you mean lockstep?");
  ExpectLine({"train", "--env", "Hopper-v5", "--device", "gpu"}, "did you mean cuda?");
  ExpectLine({"train", "--env", "Hopper-v5", "--device", "cuda:1"}, "CUDA_VISIBLE_DEVICES=1");
  ExpectLine({"train", "--env", "Hopper-v5", "--preset", "default"},
             "preset must be paper or official or modern or tianshou or cleanrl");
}

TEST_F(FirstStepsTest, AModelIsNoTask) {
  std::ofstream(dir_.File("robot.xml")) << "<mujoco/>";
  const std::string model = dir_.File("robot.xml");
  ExpectLine({"train", "--env", model}, model + " is a model:");
  ExpectLine({"train", "--env", "mjcf:" + model}, "begins with model: \"" + model + "\"");
  ExpectLine({"train", "--env", "my/task.textproto"}, "did you mean mjcf:my/task.textproto?");
  ExpectLine({"train", "--env", "my_env.so"}, "did you mean plugin:my_env.so?");
  ExpectLine({"train", "--env", "HalfCheeta-v5"}, "did you mean HalfCheetah-v5");
}

TEST_F(FirstStepsTest, HelpNamesPresetsAndKindsOfTasks) {
  for (const char* name :
       {"official", "modern", "tianshou", "cleanrl", "mjcf:FILE", "plugin:FILE"}) {
    EXPECT_THAT(Pmoe({"train", "--help"}).output, HasSubstr(name));
  }
  EXPECT_THAT(Pmoe({"envs"}).output, AllOf(HasSubstr("mjcf:FILE"), HasSubstr("plugin:FILE")));
  EXPECT_THAT(Pmoe({"--help"}).output, AllOf(HasSubstr("mjcf:FILE"), HasSubstr("plugin:FILE")));
}

TEST_F(FirstStepsTest, CommandLinesThatLackSomething) {
  ExpectLine({"eval"}, "--run is missing");
  ExpectLine({"config", "print", "--env"}, "--env needs a value: --env ID");
  ExpectLine({"train", "--env", "Hopper-v5", "--seed", "1", "--seed", "2"},
             "--seed is given 2 times; give it once");
  ExpectLine({"train", "--env", "Hopper-v5", "--jobs", "0"},
             "--jobs must be from 1 to 1024, got 0");
  ExpectLine({"eval", "--run", "a", "--episodes", "x"},
             "--episodes must be from 1 to 1000000, got x");
  ExpectLine({"eval", "--run", "a", "--snapshot", "newest"},
             "--snapshot must be latest or best, got newest");
  ExpectLine({"play", "--run", "a", "--video", "a.mp4", "--png", "b"},
             "--video and --png cannot go together; leave one away");
}

// Before there is a folder, which would then be in the way of the next try.
TEST_F(FirstStepsTest, ADashboardThatCannotBe) {
  for (const char* address : {"nonsense", "127.0.0.1:", "host:99999", ":1"}) {
    ExpectLine({"train", "--env", "Hopper-v5", "--dashboard", address},
               "--dashboard must be host:port");
  }
  ExpectLine({"train", "--env", "Hopper-v5", "--seeds", "1..2", "--dashboard", "x"},
             "--dashboard must be host:port");
  ExpectLine({"up", "--env", "Hopper-v5", "--dashboard", "x"}, "--dashboard must be host:port");
}

TEST_F(FirstStepsTest, AFlagThatASetOverrides) {
  const ProcessResult result =
      Pmoe({"config", "print", "--steps", "1000", "--set", "schedule.total_steps=2000"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("--steps 1000 does nothing: --set schedule.total_steps=2000"
                                       " is stronger"));
  EXPECT_THAT(Pmoe({"config", "print", "--steps", "2", "--set", "schedule.total_steps=2"}).output,
              Not(HasSubstr("does nothing")));
}

TEST_F(FirstStepsTest, ARunThatHasEnded) {
  const std::string run = Trained();
  const ProcessResult status = Pmoe({"status", "--run", run});
  EXPECT_EQ(status.exit_code, 3);  // nobody answers
  EXPECT_THAT(status.output, AllOf(HasSubstr("finished at 200 of 200 env steps"),
                                   HasSubstr("look at it with: ./pmoe eval --run " + run)));
  EXPECT_THAT(Pmoe({"status", "--run", run, "--json"}).output,
              StartsWith("{\"state\":\"finished\",\"directory\":"));
  ExpectLine({"eval", "--run", dir_.File("none")}, "is not a run directory");
  const ProcessResult parent = Pmoe({"eval", "--run", dir_.File("runs")});
  EXPECT_EQ(parent.exit_code, 2);
  EXPECT_THAT(parent.output, HasSubstr("it holds 1 runs, the newest first:\n  --run " + run));
  const ProcessResult other = Pmoe({"train", "--resume", run, "--algo", "sac"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.output, HasSubstr("--resume cannot change algorithm: pmoe_sac -> sac"));
  ExpectLine({"sweep", run + "/config.textproto"}, "holds the settings of one training");
  // Made longer, and not yet gone on with.
  std::string config = *ReadFile(run + "/config.textproto");
  config.erase(config.rfind('\n', config.size() - 2) +
               1);  // the line that holds it to be the run's
  config.replace(config.find("total_steps: 200"), 16, "total_steps: 400");
  ASSERT_OK(WriteFileAtomic(run + "/config.textproto", config));
  EXPECT_THAT(Pmoe({"status", "--run", run}).output,
              AllOf(HasSubstr("stopped at 200 of 400 env steps"),
                    HasSubstr("checkpoint at 200 with: ./pmoe train --resume " + run)));
}

}  // namespace
}  // namespace pmoe
