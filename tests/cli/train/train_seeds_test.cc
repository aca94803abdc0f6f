// Runs the built pmoe-train with several seeds: the bits of plain runs, interruption and resuming
// of all, one that fails beside others, and bad input.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cli/train/train_testing.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kSteps = 2000;

class TrainSeedsTest : public TrainTest {
 protected:
  // A few hundred steps that hold updates, episodes' ends, evaluations and checkpoints.
  static std::vector<std::string> Words(const std::string& algorithm, int steps = kSteps) {
    std::vector<std::string> words = {"--env",   "InvertedPendulum-v5", "--algo",      algorithm,
                                      "--steps", absl::StrCat(steps),   "--dashboard", "none"};
    std::vector<std::string> sets = {"policy.hidden=32,32",          "learner.critic_hidden=32,32",
                                     "learner.batch_size=40",        "observe.video=false",
                                     "observe.eval_every_steps=500", "observe.eval_episodes=2",
                                     "observe.log_every_steps=100",  "checkpoint.every_steps=800"};
    if (algorithm == "ppo") {
      sets.insert(sets.end(), {"schedule.steps_per_round=200", "learner.epochs=15"});
    } else {
      sets.insert(sets.end(), {"schedule.start_steps=100", "schedule.update_after=100"});
    }
    for (const std::string& set : sets) words.insert(words.end(), {"--set", set});
    return words;
  }
  // So long that nobody waits for its end.
  static std::vector<std::string> Endless() {
    std::vector<std::string> words = Words("sac", 1000000000);
    words.insert(words.end(), {"--set", "observe.eval_every_steps=0"});
    return words;
  }
  // Of the dashboard whose address a program has printed.
  static std::string PortIn(const std::string& output) {
    const size_t port = output.find("http://127.0.0.1:") + 17;
    return output.substr(port, output.find('/', port) - port);
  }
  static std::string Get(const std::string& port, const std::string& path,
                         const std::string& read) {
    return RunProcess({"/bin/bash", "-c",
                       absl::StrCat("exec 3<>/dev/tcp/127.0.0.1/", port, "; printf 'GET ", path,
                                    " HTTP/1.0\\r\\nHost: 127.0.0.1:", port, "\\r\\n\\r\\n' >&3; ",
                                    read, " <&3")})
        .output;
  }
  std::string Member(int seed) { return dir_.File(absl::StrCat("all/seed_", seed)); }
  void ExpectPlainBits(int seed, const std::string& algorithm) {
    const std::string plain =
        MustTrain(absl::StrCat("plain", seed), Words(algorithm), {"--seed", absl::StrCat(seed)});
    ExpectSameRun(plain, Member(seed), kSteps);
    EXPECT_EQ(BytesOf(plain + "/config.textproto"), BytesOf(Member(seed) + "/config.textproto"));
  }
};

class EveryAlgorithmTest : public TrainSeedsTest,
                           public ::testing::WithParamInterface<const char*> {};

TEST_P(EveryAlgorithmTest, EachOfThreeSeedsAtOnceHasThePlainRunsBits) {
  MustTrain("all", Words(GetParam()), {"--seeds", "5,1..2", "--jobs", "3"});
  for (const int seed : {1, 2, 5}) ExpectPlainBits(seed, GetParam());
}

TEST_P(EveryAlgorithmTest, InterruptedAndResumedTheyHaveThePlainRunsBits) {
  std::vector<std::string> words = Words(GetParam());
  words.insert(words.end(), {"--out", dir_.File("all")});
  ChildProcess child(Command(words, {"--seeds", "1..3", "--jobs", "2"}));
  ASSERT_TRUE(child.ReadUntil("seed 3 INFO: started"));  // one has finished, two are at work
  child.Signal(SIGINT);
  const ProcessResult stopped = child.Wait();
  ASSERT_EQ(stopped.exit_code, 0) << stopped.output;
  ASSERT_THAT(stopped.output, HasSubstr("go on with: ./pmoe train --resume"));
  const ProcessResult resumed = Train({"--resume", dir_.File("all"), "--dashboard", "none"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  for (const int seed : {1, 2, 3}) ExpectPlainBits(seed, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Algorithms, EveryAlgorithmTest, ::testing::Values("sac", "ppo"));

TEST_F(TrainSeedsTest, OneSeedIsThePlainRun) {
  MustTrain("all", Words("sac"), {"--seeds", "4"});
  ExpectPlainBits(4, "sac");
}

TEST_F(TrainSeedsTest, APatternGivesEachRunItsOwnNameAndGoesOnWithThem) {
  const std::string pattern = dir_.File("all/sac-s{seed}");
  const std::string report = dir_.File("report");
  std::vector<std::string> words = Words("sac", 500);
  words.insert(words.end(), {"--out", pattern, "--seed-report", report});
  ASSERT_EQ(Train(words, {"--seeds", "3,4", "--jobs", "1"}).exit_code, 0);
  EXPECT_EQ(BytesOf(report), "begun 3\nended 3\nbegun 4\nended 4\n");
  const ProcessResult longer =
      Train({"--resume", pattern, "--seeds", "4", "--steps", "2000", "--dashboard", "none"});
  ASSERT_EQ(longer.exit_code, 0) << longer.output;
  const std::string plain = MustTrain("plain", Words("sac"), {"--seed", "4"});
  ExpectSameRun(plain, dir_.File("all/sac-s4"), kSteps);
  EXPECT_FALSE(fs::exists(dir_.File("all/sac-s3/checkpoints/2000")));
  ExpectUsageError({"--resume", pattern}, "{seed} stands for each seed of --seeds");
  ExpectUsageError({"--out", dir_.File("b-{seed}")}, "{seed} stands for each seed of --seeds");
  ExpectUsageError({"--resume", pattern, "--seeds", "4..5"}, "seed 5: --resume ");
}

TEST_F(TrainSeedsTest, ThoseThatWaitForTheirTurnWhenItIsStoppedAreResumedToo) {
  ChildProcess child(
      Command(Endless(), {"--seeds", "1..2", "--jobs", "1", "--out", dir_.File("all")}));
  ASSERT_TRUE(child.ReadUntil("seed 1 INFO: started"));
  child.Signal(SIGINT);
  ASSERT_EQ(child.Wait().exit_code, 0);
  EXPECT_FALSE(fs::exists(Member(2) + "/metrics.csv"));
  const ProcessResult resumed =
      Train({"--resume", dir_.File("all"), "--steps", "2000", "--dashboard", "none", "--set",
             "observe.eval_every_steps=500"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  EXPECT_THAT(resumed.output, HasSubstr("seed 2 INFO: started"));
  ExpectPlainBits(2, "sac");
}

TEST_F(TrainSeedsTest, ThoseThatWereKilledBeforeACheckpointBeginAnew) {
  ChildProcess child(Command(Endless(), {"--set", "checkpoint.every_steps=0", "--seeds", "1..2",
                                         "--jobs", "2", "--out", dir_.File("all")}));
  ASSERT_TRUE(child.ReadUntil("slowest seed"));
  child.Signal(SIGKILL);
  child.Wait();
  const ProcessResult resumed =
      Train({"--resume", dir_.File("all"), "--steps", "2000", "--dashboard", "none", "--set",
             "observe.eval_every_steps=500", "--set", "checkpoint.every_steps=800"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  ExpectPlainBits(1, "sac");
  ExpectPlainBits(2, "sac");
}

TEST_F(TrainSeedsTest, FinishedOnesAreLeftAloneAndCanBeMadeLonger) {
  const std::string all = MustTrain("all", Words("sac"), {"--seeds", "1..2"});
  const auto written = fs::last_write_time(Member(1) + "/manifest.json");
  const ProcessResult again = Train({"--resume", all});
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.output, HasSubstr("all seeds of"));
  EXPECT_EQ(fs::last_write_time(Member(1) + "/manifest.json"), written);
  // A plain command goes on with one of them.
  EXPECT_EQ(Train({"--resume", Member(1), "--steps", "2500", "--dashboard", "none"}).exit_code, 0);
  const ProcessResult longer = Train({"--resume", all, "--steps", "2500", "--dashboard", "none"});
  EXPECT_EQ(longer.exit_code, 0) << longer.output;
  EXPECT_THAT(longer.output, Not(HasSubstr("seed 1 INFO")));
  EXPECT_THAT(longer.output, HasSubstr("seed 2 INFO: resumed from 2000 env steps"));
  for (const int seed : {1, 2}) EXPECT_EQ(LastCell(Member(seed), "env_steps"), "2500");
}

TEST_F(TrainSeedsTest, OneThatFailsIsNamedAndTheOthersFinish) {
  const std::string all = MustTrain("all", Words("sac"), {"--seeds", "1..3"});
  // All of its checkpoints, for an older one would be gone on from.
  for (const auto& entry : fs::directory_iterator(Member(2) + "/checkpoints")) {
    const std::string file = entry.path() / "state.pmoe";
    std::string state = BytesOf(file);
    state[state.size() / 2] ^= 1;
    std::ofstream(file, std::ios::binary) << state;
  }
  const ProcessResult result = Train({"--resume", all, "--steps", "2500", "--dashboard", "none"});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, ContainsRegex("seed 2 ERROR: stopped at 2000 env steps: .*damaged"));
  EXPECT_THAT(result.output, HasSubstr("pmoe: 1 of 3 seeds failed (2); seed 2: "));
  EXPECT_THAT(BytesOf(all + "/log.txt"), HasSubstr("seed 2 stopped at 2000 env steps: "));
  for (const int seed : {1, 3}) {
    EXPECT_TRUE(fs::exists(Member(seed) + "/checkpoints/2500/state.pmoe")) << seed;
  }
}

// In a mount namespace of its own, which some containers do not allow.
TEST_F(TrainSeedsTest, AFullDiskIsNamedAndCostsNothing) {
  std::string train;
  for (const std::string& word : Command(Words("sac"))) absl::StrAppend(&train, "'", word, "' ");
  const std::string kept = dir_.File("all");
  const ProcessResult result = RunProcess(
      {"/usr/bin/unshare", "-m", "/bin/bash", "-c",
       absl::StrCat("cd '", dir_.path(), "'; mkdir disk\n",
                    "mount -t tmpfs -o size=512k tmpfs disk || exit 77\n", train,
                    " --seeds 1..2 --jobs 2 --out disk/all; echo \"first: $?\"\n",
                    "mount -o remount,size=64m disk\n", Binary("pmoe-train"),
                    " --resume disk/all --dashboard none && cp -r disk/all '", kept, "'")});
  if (result.exit_code == 77 || result.output.find("unshare failed") != std::string::npos) {
    GTEST_SKIP() << "needs the right to mount: " << result.output;
  }
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("No space left on device; free some space"));
  EXPECT_THAT(result.output, HasSubstr("Try them again"));
  EXPECT_THAT(result.output, HasSubstr("first: 2"));
  for (const int seed : {1, 2}) ExpectPlainBits(seed, "sac");
}

TEST_F(TrainSeedsTest, WhereOneFolderCannotBeMadeTheSameCommandBeginsAnew) {
  fs::create_directories(dir_.File("all"));
  std::ofstream(Member(2)) << "in the way";
  std::vector<std::string> words = Words("sac", 300);
  words.insert(words.end(), {"--seeds", "1..2", "--out", dir_.File("all")});
  const ProcessResult refused = Train(words);
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.output, HasSubstr("pmoe: seed 2: cannot create the folder"));
  fs::remove(Member(2));
  const ProcessResult again = Train(words);
  EXPECT_EQ(again.exit_code, 0) << again.output;
  EXPECT_TRUE(fs::exists(Member(1) + "/checkpoints/300"));
}

TEST_F(TrainSeedsTest, WhatARunSaysWhileItTrainsNamesItsSeed) {
  std::vector<std::string> words = Words("sac");
  words.insert(words.end(),
               {"--set", "learner.alpha=1e38", "--seeds", "1..2", "--out", dir_.File("all")});
  const ProcessResult result = Train(words);
  EXPECT_EQ(result.exit_code, 1) << result.output;
  for (const int seed : {1, 2}) {
    EXPECT_THAT(result.output,
                ContainsRegex(absl::StrCat("seed ", seed, " ERROR: .*critic_loss is not finite")));
  }
}

TEST_F(TrainSeedsTest, ItsDirectoryIsOneForAllCommands) {
  const std::string all = MustTrain("all", Words("sac"), {"--seeds", "1..2"});
  std::vector<std::string> again = Words("sac");
  again.insert(again.end(), {"--seeds", "1..2", "--out", all});
  ExpectUsageError(again, "holds runs of several seeds already; go on with them by --resume");
  const std::string plain = MustTrain("plain", Words("sac"));
  again.back() = plain;
  ExpectUsageError(again, "holds a run already");
  const ProcessResult eval =
      RunProcess({Binary("pmoe"), "eval", "--run", Member(1), "--episodes", "1"});
  EXPECT_EQ(eval.exit_code, 0) << eval.output;
  ExpectUsageError({"--resume", all, "--seed", "9"}, "seed 1: --resume cannot change seed");
}

TEST_F(TrainSeedsTest, CommandsThatLookAtRunsShowAllOrSayHowToNameOne) {
  const std::string all = MustTrain("all", Words("sac", 300), {"--seeds", "1..2"});
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"eval", "--run", all, "--episodes", "1"},
           {"play", "--run", all, "--png", dir_.File("frames")},
           {"export", "--run", all, "--out", dir_.File("policy.npz")},
           {"up", "--resume", all}}) {
    std::vector<std::string> command = words;
    command.insert(command.begin(), Binary("pmoe"));
    const ProcessResult result = RunProcess(command);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr("holds the runs of seeds 1, 2: name one of them, like "));
    EXPECT_THAT(result.output, HasSubstr(words[1] + " " + Member(1)));
  }
  const ProcessResult status = RunProcess({Binary("pmoe"), "status", "--run", all});
  EXPECT_EQ(status.exit_code, 0) << status.output;
  EXPECT_THAT(status.output, ContainsRegex("1 +300 of 300 .* finished: 300 of 300"));
  EXPECT_THAT(status.output, ContainsRegex("2 +300 of 300 .* finished: 300 of 300"));
  ChildProcess dashboard({Binary("pmoe"), "dashboard", all, "--dashboard", "127.0.0.1:0"});
  ASSERT_TRUE(dashboard.ReadUntil("Ctrl-C ends it"));
  const std::string runs = Get(PortIn(dashboard.output()), "/api/runs", "cat");
  for (const char* id : {"\"id\":\"seed_1\"", "\"id\":\"seed_2\""}) {
    EXPECT_THAT(runs, HasSubstr(id));
  }
}

TEST_F(TrainSeedsTest, OneDashboardShowsEachOfThemAsARunThatTrains) {
  std::vector<std::string> words = Endless();
  *std::find(words.begin(), words.end(), "none") = "127.0.0.1:0";
  words.insert(words.end(), {"--seeds", "1..2", "--jobs", "2", "--out", dir_.File("all")});
  ChildProcess child(Command(words));
  ASSERT_TRUE(child.ReadUntil("slowest seed"));
  const std::string port = PortIn(child.output());
  const std::string runs = Get(port, "/api/runs", "cat");
  for (const char* id : {"\"own\":\"seed_1\"", "\"id\":\"seed_1\"", "\"id\":\"seed_2\""}) {
    EXPECT_THAT(runs, HasSubstr(id));
  }
  // Ends with the first line that has it.
  EXPECT_THAT(Get(port, "/api/events?run=seed_2", "grep -m 1 '\"state\":\"running\"'"),
              HasSubstr("InvertedPendulum-v5 sac seed 2"));
}

TEST_F(TrainSeedsTest, WrongSeedsAreRefusedBeforeAFolderIsMade) {
  for (const auto& [seeds, message] : std::vector<std::pair<std::string, std::string>>{
           {"one", "needs whole numbers"},
           {"1..18446744073709551616", "needs whole numbers"},
           {"1,2,1", "names the seed 1 twice"},
           {"5..1", "write the smaller seed first"},
           {"0..1000000000", "at most 256 seeds"}}) {
    ExpectUsageError({"--seeds", seeds, "--out", dir_.File("all")}, message);
  }
  ExpectUsageError({"--seeds", "1..2", "--seed", "3", "--out", dir_.File("all")},
                   "leave --seed and --set seed=… away");
  ExpectUsageError({"--jobs", "2", "--out", dir_.File("all")}, "--jobs goes with --seeds");
  ExpectUsageError({"--seeds", "1..2", "--device", "cuda", "--out", dir_.File("all")},
                   "on --device cpu only");
  EXPECT_FALSE(fs::exists(dir_.File("all")));
  const ProcessResult up = RunProcess({Binary("pmoe"), "up", "--seeds", "1..2"});
  EXPECT_EQ(up.exit_code, 2) << up.output;
  EXPECT_THAT(up.output, HasSubstr("--seeds is for `pmoe train`"));
}

}  // namespace
}  // namespace pmoe
