// `pmoe sweep` with a stand-in for pmoe-train: a script that leaves a run directory behind.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "tests/testing/eventually.h"
#include "tests/testing/paths.h"
#include "tests/testing/run_process.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Notes its words; seed 2 fails while there is a file called "broken"; seed 3, while there is
// "slow", waits for SIGTERM with a checkpoint before its end. With --seeds it trains one after the
// other, and says so in --seed-report's file; while there is "crash" it dies after the first.
constexpr char kTrain[] = R"(#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
steps=1000
while [ $# -gt 0 ]; do
  case $1 in
    --out|--resume) dir=$2; shift ;;
    --seeds) seeds=$(echo "$2" | tr , ' '); shift ;;
    --seed-report) report=$2; shift ;;
  esac
  shift
done
train() {
  case $dir in *s2) [ -e "$here/broken" ] && { echo "first"; echo "no disk"; return 1; } ;; esac
  mkdir -p "$dir/checkpoints"
  printf 'seed: 1\n' > "$dir/config.textproto"
  printf 'env_steps,updates,wall_s,eval_return_mean\n' > "$dir/metrics.csv"
  case $dir in *s3)
    if [ -e "$here/slow" ]; then
      trap 'mkdir -p "$dir/checkpoints/400"; : > "$dir/checkpoints/400/state.pmoe"; exit 0' TERM
      echo up > "$here/up"
      while :; do sleep 0.05; done
    fi ;;
  esac
  printf '1000,900,2.5,12.5\n' >> "$dir/metrics.csv"
  mkdir -p "$dir/checkpoints/$steps"
  : > "$dir/checkpoints/$steps/state.pmoe"
}
[ -z "$seeds" ] && { train; exit; }
pattern=$dir
for seed in $seeds; do
  dir=$(echo "$pattern" | sed "s/{seed}/$seed/")
  echo "begun $seed" >> "$report"
  if train; then echo "ended $seed" >> "$report"; else echo "failed $seed no disk" >> "$report"; fi
  [ -e "$here/crash" ] && { rm "$here/crash"; echo "begun 3" >> "$report"; kill -9 $$; }
done
exit 0
)";

class SweepProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::copy_file(Binary("pmoe"), dir_.File("pmoe"));
    Write("pmoe-train", kTrain);
    fs::permissions(dir_.File("pmoe-train"), fs::perms::owner_all);
    Write("sweep.textproto",
          absl::StrCat("out: \"", dir_.File("out"), "\"\nsteps: 1000\n",
                       "grid { field: \"seed\" value: [\"1\", \"2\", \"3\"] }\n"));
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.File(name)) << text;
  }
  std::string Read(const std::string& name) {
    const auto text = ReadFile(dir_.File(name));
    return text.ok() ? *text : "";
  }
  std::vector<std::string> Words(std::vector<std::string> more) {
    more.insert(more.begin(), {dir_.File("pmoe"), "sweep", dir_.File("sweep.textproto")});
    return more;
  }
  // The words of each process.
  std::vector<std::string> Calls() {
    return absl::StrSplit(Read("calls"), '\n', absl::SkipEmpty());
  }
  // The slow training has installed its trap.
  bool ComesUp() {
    return Eventually([this] { return !Read("up").empty(); });
  }
  ProcessResult Sweep(const std::vector<std::string>& more = {}) { return RunProcess(Words(more)); }

  TempDir dir_;
};

TEST_F(SweepProcessTest, TrainsEveryRunOnceAndCollectsTheResults) {
  const ProcessResult result = Sweep({"--jobs", "2"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("finished s1: 1000 of 1000 env steps, 2 s, return 12.5"));
  EXPECT_THAT(result.output, HasSubstr("3 of 3 finished"));
  EXPECT_THAT(Read("out/results.csv"),
              HasSubstr("2,s3,finished,HalfCheetah-v5,pmoe_sac,3,1000,900,2.5,12.5,12.5,12.5,"));
  const std::string calls = Read("calls");
  EXPECT_EQ(Sweep().exit_code, 0);
  EXPECT_EQ(Read("calls"), calls) << "a finished run was trained again";
}

TEST_F(SweepProcessTest, RunsThatDifferInTheirSeedAloneShareAProcess) {
  ASSERT_EQ(Sweep({"--jobs", "2"}).exit_code, 0);
  EXPECT_THAT(Calls(), ElementsAre(AllOf(HasSubstr("--out " + dir_.File("out/s{seed}")),
                                         HasSubstr("--seeds 1,2,3 --jobs 2"))));
  EXPECT_THAT(Read("out/logs/s2.log"), HasSubstr("its log: " + dir_.File("out/logs/s1-and-")));
}

TEST_F(SweepProcessTest, WithSeparateOrOneJobEachRunHasItsOwnProcess) {
  ASSERT_EQ(Sweep({"--jobs", "2", "--separate"}).exit_code, 0);
  EXPECT_THAT(Calls(), SizeIs(3));
  fs::remove_all(dir_.File("out"));
  ASSERT_EQ(Sweep({"--jobs", "1"}).exit_code, 0);
  EXPECT_THAT(Calls(), SizeIs(6));
  EXPECT_THAT(Read("calls"), Not(HasSubstr("--seeds")));
}

TEST_F(SweepProcessTest, WhereOtherRunsWaitAProcessTakesNoMoreThanBeginAtOnce) {
  Write("sweep.textproto",
        absl::StrCat("out: \"", dir_.File("out"), "\"\nsteps: 1000\n",
                     "grid { field: \"seed\" value: [\"1\", \"4\", \"5\"] }\n",
                     "grid { field: \"algorithm\" value: [\"sac\", \"ppo\"] }\n"));
  const ProcessResult result = Sweep({"--jobs", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("6 of 6 finished"));
  EXPECT_THAT(Calls().front(), AllOf(HasSubstr("algorithm=sac"), HasSubstr("--seeds 1,4 --jobs 2"),
                                     HasSubstr("out/s{seed}-sac")));
}

TEST_F(SweepProcessTest, ThoseThatGoOnAndThoseThatBeginDoNotShare) {
  for (const int seed : {1, 3}) {
    const std::string run = absl::StrCat("out/s", seed);
    ASSERT_TRUE(MakeDirs(dir_.File(run) + "/checkpoints/400").ok());
    Write(run + "/checkpoints/400/state.pmoe", "");
    Write(run + "/config.textproto", absl::StrCat("seed: ", seed));
  }
  const ProcessResult result = Sweep({"--jobs", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(Calls(), UnorderedElementsAre(AllOf(HasSubstr("--resume " + dir_.File("out/s{seed}")),
                                                  HasSubstr("--seeds 1,3 --jobs 2")),
                                            HasSubstr("--out " + dir_.File("out/s2"))));
}

TEST_F(SweepProcessTest, OneOfSeveralThatFailsIsReportedAndTriedAgain) {
  Write("broken", "");
  const ProcessResult result = Sweep({"--jobs", "2"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output,
              HasSubstr("s2 failed: no disk; its log: " + dir_.File("out/logs/s2.log")));
  EXPECT_THAT(Read("out/results.csv"), HasSubstr("1,s2,failed,"));
  EXPECT_THAT(Read("out/results.csv"), HasSubstr("2,s3,finished,"));
  fs::remove(dir_.File("broken"));
  EXPECT_EQ(Sweep({"--retry"}).exit_code, 0);
}

TEST_F(SweepProcessTest, WhereTheSharedProcessDiesTheOthersGetTheirOwn) {
  Write("crash", "");
  const ProcessResult result = Sweep({"--jobs", "2"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output,
              HasSubstr("was killed by signal 9 (Killed); each gets one of its own"));
  EXPECT_THAT(Calls(), SizeIs(3));
  EXPECT_THAT(result.output, HasSubstr("3 of 3 finished"));
}

TEST_F(SweepProcessTest, AFailedRunIsReportedAndTriedAgainOnRequestOnly) {
  Write("broken", "");
  const ProcessResult result = Sweep({"--separate"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output, HasSubstr("s2 failed: ended with exit code 1: no disk; its log: "));
  EXPECT_THAT(Read("out/results.csv"), HasSubstr("1,s2,failed,"));
  fs::remove(dir_.File("broken"));
  EXPECT_EQ(Sweep().exit_code, 1);
  const ProcessResult again = Sweep({"--retry"});
  EXPECT_EQ(again.exit_code, 0) << again.output;
  EXPECT_THAT(Read("out/results.csv"), HasSubstr("1,s2,finished,"));
}

TEST_F(SweepProcessTest, AnInterruptStopsTheTrainingsAndTheSameCommandGoesOn) {
  Write("slow", "");
  ChildProcess sweep(Words({"--jobs", "1"}));
  ASSERT_TRUE(sweep.ReadUntil("running s3"));
  ASSERT_TRUE(ComesUp());
  sweep.Signal(SIGTERM);
  const ProcessResult stopped = sweep.Wait();
  EXPECT_EQ(stopped.exit_code, 3) << stopped.output;
  EXPECT_THAT(stopped.output, HasSubstr("2 of 3 finished, 1 stopped"));
  fs::remove(dir_.File("slow"));
  const ProcessResult result = Sweep();
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(Read("calls"), HasSubstr(absl::StrCat("--resume ", dir_.File("out/s3"))));
}

TEST_F(SweepProcessTest, ARunWithoutACheckpointBeginsAnew) {
  ASSERT_TRUE(MakeDirs(dir_.File("out/s1")).ok());
  Write("out/s1/config.textproto", "");
  EXPECT_EQ(Sweep().exit_code, 0);
  EXPECT_THAT(Read("calls"), Not(HasSubstr("--resume")));
}

TEST_F(SweepProcessTest, WhatIsSkippedIsNotTrained) {
  const ProcessResult result = Sweep({"--skip", "0,2"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(fs::exists(dir_.File("out/s2/checkpoints/1000")));
  EXPECT_FALSE(fs::exists(dir_.File("out/s1")));
  EXPECT_FALSE(fs::exists(dir_.File("out/s3")));
  const ProcessResult beyond = Sweep({"--skip", "3"});
  EXPECT_EQ(beyond.exit_code, 2);
  EXPECT_THAT(beyond.output, HasSubstr("--skip must be < 3, the runs of"));
}

TEST_F(SweepProcessTest, OneIndexIsATasksShare) {
  const ProcessResult result = Sweep({"--index", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(fs::exists(dir_.File("out/s2/checkpoints/1000")));
  EXPECT_FALSE(fs::exists(dir_.File("out/s1")));
  const ProcessResult beyond = Sweep({"--index", "3"});
  EXPECT_EQ(beyond.exit_code, 2);
  EXPECT_THAT(beyond.output, HasSubstr("--index must be < 3"));
  const ProcessResult collected = Sweep({"--collect"});
  EXPECT_EQ(collected.exit_code, 0);
  EXPECT_THAT(collected.output, HasSubstr("1 of 3 finished, 2 waiting"));
  EXPECT_THAT(Read("out/results.csv"), HasSubstr("1,s2,finished,"));
}

TEST_F(SweepProcessTest, ADryRunPrintsTheCommandsAndTouchesNothing) {
  const ProcessResult result = Sweep({"--dry-run"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output,
              HasSubstr(absl::StrCat(
                  "# 2 s3: waiting\npmoe train --set observe.video=false --set "
                  "schedule.total_steps=1000 --set seed=3 --set learner.threads=1 --out ",
                  dir_.File("out/s3"), "\n")));
  EXPECT_FALSE(fs::exists(dir_.File("out")));
}

TEST_F(SweepProcessTest, ABadFileOrFlagEndsWithTwo) {
  Write("sweep.textproto", "out: \"x\" grid { field: \"sede\" value: [\"1\"] }");
  const ProcessResult bad = Sweep();
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.output, HasSubstr("did you mean seed?"));
  EXPECT_EQ(Sweep({"--slurm", "--dry-run"}).exit_code, 2);
  fs::remove(dir_.File("sweep.textproto"));
  EXPECT_EQ(Sweep().exit_code, 2);
}

TEST_F(SweepProcessTest, WithoutTheTrainingsBinaryItSaysSo) {
  fs::remove(dir_.File("pmoe-train"));
  const ProcessResult result = Sweep();
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("./pmoe build makes it"));
}

}  // namespace
}  // namespace pmoe
