// Runs the built pmoe-train: reproducibility, resume, interruption, and what a user meets when
// something is wrong.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "tests/cli/train/train_testing.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Small networks and an early start, so that a few hundred steps hold updates, episodes' ends,
// evaluations and checkpoints.
std::vector<std::string> SmallRun(const std::string& env) {
  return {"--env",   env,
          "--seed",  "3",
          "--steps", "2000",
          "--set",   "schedule.start_steps=100",
          "--set",   "schedule.update_after=100",
          "--set",   "policy.hidden=32,32",
          "--set",   "learner.critic_hidden=32,32",
          "--set",   "learner.batch_size=32",
          "--set",   "learner.threads=1",
          "--set",   "observe.video=false",
          "--set",   "observe.eval_every_steps=500",
          "--set",   "observe.eval_episodes=2",
          "--set",   "observe.log_every_steps=100",
          "--set",   "checkpoint.every_steps=800"};
}

TEST_F(TrainTest, TwoEqualRunsGiveEqualBits) {
  const std::string a = MustTrain("a", SmallRun("InvertedPendulum-v5"));
  const std::string b = MustTrain("b", SmallRun("InvertedPendulum-v5"));
  ExpectSameRun(a, b, 2000);
}

TEST_F(TrainTest, TwoEqualRunsAtLagOneGiveEqualBits) {
  const std::vector<std::string> lag = {"--set", "schedule.lag=1", "--actors",
                                        "2",     "--set",          "actor.envs=5"};
  const std::string a = MustTrain("a", SmallRun("InvertedPendulum-v5"), lag);
  const std::string b = MustTrain("b", SmallRun("InvertedPendulum-v5"), lag);
  ExpectSameRun(a, b, 2000);
}

TEST_F(TrainTest, AnotherSeedGivesAnotherRun) {
  const std::string a = MustTrain("a", SmallRun("InvertedPendulum-v5"));
  const std::string b = MustTrain("b", SmallRun("InvertedPendulum-v5"), {"--set", "seed=4"});
  EXPECT_NE(MetricsWithoutTimes(a), MetricsWithoutTimes(b));
}

TEST_F(TrainTest, LagOneActsWithTheWeightsOfTheRoundBefore) {
  const std::string a = MustTrain("a", SmallRun("InvertedPendulum-v5"));
  const std::string b =
      MustTrain("b", SmallRun("InvertedPendulum-v5"), {"--set", "schedule.lag=1"});
  EXPECT_EQ(LastCell(a, "policy_lag"), "0");
  EXPECT_EQ(LastCell(b, "policy_lag"), "1");
}

// Of the first round of all, and of those whose rows were made by weights a version old.
TEST_F(TrainTest, OnPolicyLagOneLearnsFromTheActorsOwnLogProbability) {
  std::vector<std::string> words = {"--env",   "InvertedPendulum-v5",
                                    "--algo",  "ppo",
                                    "--seed",  "3",
                                    "--steps", "512",
                                    "--set",   "schedule.steps_per_round=128",
                                    "--set",   "observe.log_every_steps=128",
                                    "--set",   "observe.video=false"};
  const std::string a = MustTrain("a", words);
  const std::string b = MustTrain("b", words, {"--set", "schedule.lag=1"});
  EXPECT_EQ(LastCell(a, "sampled_lag"), "0");
  EXPECT_EQ(LastCell(b, "sampled_lag"), "1");
  EXPECT_EQ(LastCell(b, "policy_lag"), "1");
  const ProcessResult changed =
      Train({"--resume", b, "--steps", "1024", "--set", "schedule.lag=0"});
  EXPECT_EQ(changed.exit_code, 2) << changed.output;
  EXPECT_THAT(changed.output, HasSubstr("--resume cannot change schedule.lag"));
}

struct ResumeCase {
  const char* env;
  int lag = 0;
  const char* selector = "uniform";
  int times = 0;  // that a row is given; 0: no limit
};

class ResumeTest : public TrainTest, public ::testing::WithParamInterface<ResumeCase> {};

TEST_P(ResumeTest, AStoppedAndResumedRunEqualsAnUninterruptedOne) {
  auto [env, lag, selector, times] = GetParam();
  const std::string task = "mjcf:" + SourceFile(env);
  if (absl::EndsWith(env, ".textproto")) env = task.c_str();
  std::vector<std::string> more = {"--set", absl::StrCat("schedule.lag=", lag),
                                   "--set", absl::StrCat("replay.selector=", selector),
                                   "--set", absl::StrCat("replay.max_times_sampled=", times)};
  const std::string whole = MustTrain("whole", SmallRun(env), more);
  const std::string parts = dir_.File("parts");
  more.insert(more.end(), {"--out", parts});
  ChildProcess child(Command(SmallRun(env), more));
  ASSERT_TRUE(child.ReadUntil("300/2,000"));
  child.Signal(SIGINT);
  const ProcessResult stopped = child.Wait();
  ASSERT_EQ(stopped.exit_code, 0) << stopped.output;
  ASSERT_THAT(stopped.output, HasSubstr("go on with")) << "the run ended before it was interrupted";
  const ProcessResult resumed = Train({"--resume", parts});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  ExpectSameRun(whole, parts, 2000);
}

INSTANTIATE_TEST_SUITE_P(Tasks, ResumeTest,
                         ::testing::Values(ResumeCase{"HalfCheetah-v5"},
                                           ResumeCase{"HalfCheetah-v5", 1},
                                           ResumeCase{"Humanoid-v5"},
                                           ResumeCase{"tests/actor/env/mjcf/everything.textproto"},
                                           ResumeCase{"HalfCheetah-v5", 0, "prioritized"},
                                           ResumeCase{"InvertedPendulum-v5", 1, "prioritized"},
                                           ResumeCase{"InvertedPendulum-v5", 1, "lifo", 40},
                                           ResumeCase{"InvertedPendulum-v5", 0, "fifo", 32},
                                           ResumeCase{"InvertedPendulum-v5", 0, "uniform", 40}));

TEST_F(TrainTest, PrioritiesChangeWhatIsLearnedAndCannotChangeOnAResume) {
  const std::string a = MustTrain("a", SmallRun("InvertedPendulum-v5"));
  const std::string b =
      MustTrain("b", SmallRun("InvertedPendulum-v5"), {"--set", "replay.selector=prioritized"});
  EXPECT_NE(MetricsWithoutTimes(a), MetricsWithoutTimes(b));
  ExpectUsageError({"--resume", b, "--steps", "3000", "--set", "replay.selector=uniform"},
                   "--resume cannot change replay.selector");
}

std::vector<std::string> EndlessRun(const std::string& eval_steps_max) {
  std::vector<std::string> words = SmallRun("HalfCheetah-v5");
  words.insert(words.end(), {"--env-arg", "max_episode_steps=0", "--set",
                             "schedule.total_steps=600", "--set", "observe.eval_every_steps=200",
                             "--set", "observe.eval_episode_steps_max=" + eval_steps_max});
  return words;
}

// A task without an end once stood still at its first evaluation. Interrupted there, it stops, and
// what was not evaluated is evaluated after the resume, to the same bits.
TEST_F(TrainTest, AnEndlessTaskTrainsStopsWithinAnEvaluationAndResumesToTheBit) {
  const std::string whole = MustTrain("whole", EndlessRun("300"));
  EXPECT_EQ(LastCell(whole, "eval_length_mean"), "300");
  const std::string parts = dir_.File("parts");
  ChildProcess child(Command(EndlessRun("1000000000"), {"--out", parts}));
  ASSERT_TRUE(child.ReadUntil("500/600"));
  child.Signal(SIGINT);
  const ProcessResult stopped = child.Wait();
  ASSERT_EQ(stopped.exit_code, 0) << stopped.output;
  EXPECT_THAT(MetricsWithoutTimes(parts), ::testing::Not(HasSubstr("\n200,")))
      << "the evaluation has ended";
  for (int life = 0; life < 2; ++life) {  // the second finds nothing left to do
    const ProcessResult resumed =
        Train({"--resume", parts, "--set", "observe.eval_episode_steps_max=300"});
    ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
    ExpectSameRun(whole, parts, 600);
  }
}

TEST_F(TrainTest, EvalOfAnEndlessTaskStopsAtItsBoundAndAtCtrlC) {
  const std::string run = MustTrain("run", EndlessRun("50"));
  const std::vector<std::string> eval = {Binary("pmoe-actor"), "eval", "--run", run,
                                         "--episodes",         "1"};
  EXPECT_THAT(RunProcess(eval).output, HasSubstr("length  50.0"));
  std::vector<std::string> endless = eval;
  endless.insert(endless.end(), {"--episode-steps-max", "1000000000", "--trace", dir_.File("t")});
  ChildProcess child(endless);
  while (!fs::exists(dir_.File("t")) && !fs::exists(dir_.File("t.tmp"))) std::this_thread::yield();
  child.Signal(SIGINT);
  const ProcessResult stopped = child.Wait();
  EXPECT_EQ(stopped.exit_code, 1);
  EXPECT_THAT(stopped.output, HasSubstr("evaluation cancelled"));
}

TEST_F(TrainTest, ASecondInterruptEndsItNow) {
  ChildProcess child(Command({"--env", "HalfCheetah-v5", "--set", "schedule.start_steps=0", "--set",
                              "schedule.steps_per_round=1000", "--set",
                              "observe.log_every_steps=1000", "--out", dir_.File("run")}));
  ASSERT_TRUE(child.ReadUntil("run directory"));
  child.Signal(SIGINT);
  ASSERT_TRUE(child.ReadUntil("once more ends it now"));
  child.Signal(SIGINT);
  EXPECT_EQ(child.Wait().exit_code, 130);
}

TEST_F(TrainTest, AnUnknownEnvironmentListsNearNames) {
  ExpectUsageError({"--env", "HalfCheeta-v5", "--out", dir_.File("run")}, "HalfCheetah-v5");
  EXPECT_FALSE(fs::exists(dir_.File("run")));
}

TEST_F(TrainTest, AnUnknownAlgorithmListsTheKnownOnes) {
  ExpectUsageError({"--algo", "pmoe_sax", "--out", dir_.File("run")}, "pmoe_sac");
  EXPECT_FALSE(fs::exists(dir_.File("run")));
}

TEST_F(TrainTest, AWrongSettingNamesTheField) {
  ExpectUsageError({"--set", "learner.actor_lr=fast"}, "learner.actor_lr");
  ExpectUsageError({"--set", "learner.actor_lr=-1"}, "learner.actor_lr must be > 0, got -1");
  ExpectUsageError({"--set", "learner.actor_rl=1e-3"}, "learner.actor_lr");
}

TEST_F(TrainTest, AMissingAssetNamesTheFileAndTheFix) {
  ExpectUsageError({"--env", "Hopper-v5", "--set", absl::StrCat("env.assets=", dir_.path()),
                    "--out", dir_.File("run")},
                   "hopper.xml");
  EXPECT_FALSE(fs::exists(dir_.File("run")));
}

TEST_F(TrainTest, CudaWithoutAGpuIsAnErrorThatSaysSo) {
  if (fs::exists("/dev/nvidia0")) GTEST_SKIP() << "this machine has a GPU";
  ExpectUsageError({"--device", "cuda", "--out", dir_.File("run")}, "--device cpu");
  EXPECT_FALSE(fs::exists(dir_.File("run")));
}

TEST_F(TrainTest, ADirectoryThatHoldsARunIsNotOverwritten) {
  const std::string run = MustTrain("run", SmallRun("InvertedPendulum-v5"));
  const std::string before = BytesOf(run + "/metrics.csv");
  std::vector<std::string> again = SmallRun("InvertedPendulum-v5");
  again.insert(again.end(), {"--out", run});
  ExpectUsageError(again, "--resume");
  EXPECT_EQ(BytesOf(run + "/metrics.csv"), before);
}

TEST_F(TrainTest, ResumingWithAnotherArchitectureIsRefusedAndLosesNothing) {
  const std::string run = MustTrain("run", SmallRun("InvertedPendulum-v5"));
  const std::string state = BytesOf(run + "/checkpoints/2000/state.pmoe");
  const std::string config = BytesOf(run + "/config.textproto");
  ExpectUsageError({"--resume", run, "--set", "policy.primitives=3"}, "architecture");
  ExpectUsageError({"--resume", run, "--set", "learner.critic_hidden=16"}, "learner.critic_hidden");
  EXPECT_TRUE(BytesOf(run + "/checkpoints/2000/state.pmoe") == state);
  EXPECT_EQ(BytesOf(run + "/config.textproto"), config);
}

TEST_F(TrainTest, AFinishedRunCanBeMadeLonger) {
  const std::string run = MustTrain("run", SmallRun("InvertedPendulum-v5"));
  const ProcessResult result = Train({"--resume", run, "--steps", "2500"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(fs::exists(run + "/checkpoints/2500/state.pmoe"));
}

// A limit on the size of a file stands for a full disk: replay's file is the first that does not
// fit.
TEST_F(TrainTest, AFullDiskIsNamedAndKeepsTheCheckpointBefore) {
  const std::string run = MustTrain("run", SmallRun("InvertedPendulum-v5"));
  const std::string state = BytesOf(run + "/checkpoints/2000/state.pmoe");
  std::vector<std::string> words = {"bash", "-c", "ulimit -f 64; exec \"$@\"", "bash"};
  for (const std::string& word : Command({"--resume", run, "--steps", "2500"}))
    words.push_back(word);
  const ProcessResult result = RunProcess(words);
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("free some space"));
  EXPECT_TRUE(BytesOf(run + "/checkpoints/2000/state.pmoe") == state);
  EXPECT_EQ(Train({"--resume", run, "--steps", "2500"}).exit_code, 0);
}

TEST_F(TrainTest, ALossThatIsNotFiniteStopsTheRunAndNamesIt) {
  std::vector<std::string> words = SmallRun("InvertedPendulum-v5");
  words.insert(words.end(), {"--set", "learner.alpha=1e38", "--out", dir_.File("run")});
  const ProcessResult result = Train(words);
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("critic_loss is not finite"));
}

TEST_F(TrainTest, EvalPlaysTheTrainedPolicy) {
  const std::string run = MustTrain("run", SmallRun("InvertedPendulum-v5"));
  const ProcessResult result =
      RunProcess({Binary("pmoe"), "eval", "--run", run, "--episodes", "3"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  for (const char* part : {"return", "length", "primitive 3 used in"})
    EXPECT_THAT(result.output, HasSubstr(part));
}

TEST_F(TrainTest, EvalOfADamagedSnapshotIsRefused) {
  const std::string run = MustTrain("run", SmallRun("InvertedPendulum-v5"));
  const std::string file = run + "/snapshots/latest.pmoe";
  std::string bytes = BytesOf(file);
  bytes[bytes.size() / 2] ^= 1;
  std::ofstream(file, std::ios::binary) << bytes;
  const ProcessResult result = RunProcess({Binary("pmoe"), "eval", "--run", run});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("damaged section"));
}

}  // namespace
}  // namespace pmoe
