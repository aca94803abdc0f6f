// Trainings as they meet a machine: closed terminals and descriptors, pipes, foreign libraries,
// models that break down.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "gmock/gmock.h"
#include "tests/cli/train/train_testing.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

const char kShort[] =
    " --env InvertedPendulum-v5 --steps 200 --set schedule.start_steps=100"
    " --set policy.hidden=16 --set learner.critic_hidden=16 --set observe.video=false"
    " --set observe.eval_episodes=1 --set observe.log_every_steps=100"
    " --set learner.threads=1";  // and not what the machine has free, which the runs record

class SurroundingsTest : public TrainTest {
 protected:
  // In bash, in the test's folder; $train is the binary with a short run's flags.
  ProcessResult Bash(const std::string& script) { return RunProcess(Words(script)); }
  std::vector<std::string> Words(const std::string& script) {
    return {
        "/bin/bash", "-c",
        "cd '" + dir_.File("") + "'; train=\"" + Binary("pmoe-train") + kShort + "\"; " + script};
  }
  std::string endless_ =
      "exec $train --set schedule.total_steps=1000000000 --set learner.batch_size=8 --out run";
};

TEST_F(SurroundingsTest, AClosedTerminalEndsItWithACheckpoint) {
  ChildProcess child(Words(endless_));
  ASSERT_TRUE(child.ReadUntil("300/"));
  child.Signal(SIGHUP);
  child.Signal(SIGHUP);  // by the shell and by the kernel
  const ProcessResult result = child.Wait();
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("go on with"));
  EXPECT_FALSE(fs::is_empty(dir_.File("run/checkpoints")));
}

TEST_F(SurroundingsTest, UnderNohupItOutlivesItsTerminal) {
  ChildProcess child(Words("trap '' HUP; " + endless_));
  ASSERT_TRUE(child.ReadUntil("300/"));
  child.Signal(SIGHUP);
  ASSERT_TRUE(child.ReadUntil("900/"));
  child.Signal(SIGINT);
  EXPECT_EQ(child.Wait().exit_code, 0);
}

// The next file opened once got the number of standard output, and the report went into it.
TEST_F(SurroundingsTest, ClosedStandardDescriptorsDamageNoFileOfTheRun) {
  ASSERT_EQ(Bash("$train --out whole").exit_code, 0);
  ASSERT_EQ(Bash("$train --out run <&- >&- 2>&-").exit_code, 0);
  ExpectSameRun(dir_.File("whole"), dir_.File("run"), 200);
  EXPECT_EQ(BytesOf(dir_.File("run/config.textproto")),
            BytesOf(dir_.File("whole/config.textproto")));
  EXPECT_EQ(BytesOf(dir_.File("run/lock")), "");
}

// A pipe that is full: a stopped terminal, a dead connection, a pager.
TEST_F(SurroundingsTest, ATrainingGoesOnWhereNobodyReadsWhatItSays) {
  const ProcessResult result = Bash(
      "mkfifo full; exec 9<>full; head -c 65536 /dev/zero >&9; timeout 100 $train --out run "
      "2>&9 >/dev/null");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(fs::exists(dir_.File("run/checkpoints/200/state.pmoe")));
}

TEST_F(SurroundingsTest, RunsOfOneSecondGetFoldersOfTheirOwn) {
  const ProcessResult result = Bash(
      "for i in 1 2 3; do $train & ids=\"$ids $!\"; done; for id in $ids; do wait $id || exit 1; "
      "done");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  std::set<std::string> runs;
  for (const auto& entry : fs::directory_iterator(dir_.File("runs"))) {
    EXPECT_TRUE(fs::exists(entry.path() / "checkpoints/200/state.pmoe"));
    runs.insert(entry.path());
  }
  EXPECT_EQ(runs.size(), 3u);
}

TEST_F(SurroundingsTest, TheConfigurationMayComeThroughAPipe) {
  const ProcessResult result =
      Bash("$train --config <(printf '\\xEF\\xBB\\xBFobserve { eval_every_steps: 50 }') --out run");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(BytesOf(dir_.File("run/config.textproto")), HasSubstr("eval_every_steps: 50"));
}

TEST_F(SurroundingsTest, AFolderAsConfigurationIsRefused) {
  const ProcessResult result = Bash("$train --config . --out run");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("is a folder"));
}

// As conda and module systems set it.
TEST_F(SurroundingsTest, LibrariesOfOthersInLdLibraryPathAreNotTaken) {
  const std::string needed = Bash("ldd ${train%% *} | grep -o 'libmujoco[^ ]*' | head -1").output;
  ASSERT_THAT(needed, HasSubstr("libmujoco"));
  ASSERT_EQ(Bash("mkdir other; echo no library > other/" + needed).exit_code, 0);
  const ProcessResult result = Bash("LD_LIBRARY_PATH=$PWD/other $train --out run");
  EXPECT_EQ(result.exit_code, 0) << result.output;
}

// One under the name of every library that a binary needs, directly or through others.
TEST_F(SurroundingsTest, NoBinaryTakesALibraryOfThatName) {
  for (const char* name :
       {"pmoe", "pmoe-train", "pmoe-learner", "pmoe-replay", "pmoe-actor", "pmoe-bench"}) {
    const std::string binary = Binary(name);
    const int made = std::stoi(Bash("rm -rf other; mkdir other; for l in $(ldd " + binary +
                                    " | grep -o '^[[:space:]]lib[^ ]*'); do "
                                    "cp /lib/*/libanl.so.1 other/$l; done; ls other | wc -l")
                                   .output);
    EXPECT_GT(made, 10) << name;
    // As ldd, whose own bash would take them.
    const std::string taken =
        Bash("LD_TRACE_LOADED_OBJECTS=1 LD_LIBRARY_PATH=$PWD/other " + binary).output;
    EXPECT_THAT(taken, HasSubstr("libstdc++.so.6 => /lib")) << name;
    EXPECT_THAT(taken, Not(HasSubstr("/other/"))) << name;
  }
}

// A motor so strong that every episode breaks down.
class BreakingDownTest : public SurroundingsTest {
 protected:
  void SetUp() override {
    std::ofstream(dir_.File("strong.xml")) << R"(
      <mujoco><worldbody><body><joint name="hinge" type="hinge"/>
        <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.04"/></body></worldbody>
      <actuator><motor joint="hinge" ctrlrange="-1 1" gear="1e9"/></actuator></mujoco>)";
    std::ofstream(dir_.File("strong.textproto")) << R"(
      model: "./strong.xml"
      max_episode_steps: 50
      observation { slice { array: QPOS } }
      observation { slice { array: QVEL } }
      reward { value { slice { array: QVEL } } })";
  }
};

TEST_F(BreakingDownTest, SaysSoLoudlyOnTheScreenAndInTheLog) {
  const ProcessResult result = Bash("$train --set env.id=mjcf:strong.textproto --out run");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("the simulation broke down in"));
  EXPECT_THAT(BytesOf(dir_.File("run/log.txt")), HasSubstr("time step too large"));
}

TEST_F(BreakingDownTest, EndsTheRunWithACheckpointWhereTheShareIsLimited) {
  for (const std::string mode : {"lockstep", "async"}) {
    const ProcessResult result = Bash(
        "$train --set env.id=mjcf:strong.textproto --set schedule.total_steps=1000000000 --mode " +
        mode + " --set observe.diverged_share_max=0.5 --out " + mode);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr("more than observe.diverged_share_max=0.5 allows"));
    EXPECT_THAT(result.output, HasSubstr("go on with: ./pmoe train --resume " + mode));
  }
}

TEST_F(SurroundingsTest, AnEnvironmentWhoseEveryStartIsInfiniteIsNamed) {
  const ProcessResult result = Bash("$train --env-arg reset_noise_scale=1e300 --out run");
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("InvertedPendulum-v5: 100 resets in a row"));
}

}  // namespace
}  // namespace pmoe
