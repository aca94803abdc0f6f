// `pmoe sweep` with real trainings.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "run/run_directory.h"
#include "tests/cli/train/train_testing.h"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

class SweepTrainTest : public TrainTest {
 protected:
  // Of each run; one for all sources of settings.
  static std::vector<std::string> Sets() {
    return {"env.id=InvertedPendulum-v5",   "schedule.start_steps=100",
            "schedule.update_after=100",    "policy.hidden=16,16",
            "learner.critic_hidden=16,16",  "learner.batch_size=16",
            "observe.eval_every_steps=200", "observe.eval_episodes=2",
            "observe.log_every_steps=100"};
  }
  std::vector<std::string> Sweep(const std::string& steps, const std::string& grid) {
    const std::string file = dir_.File("sweep.textproto");
    std::string text = absl::StrCat("out: \"", dir_.File("out"), "\"\nsteps: ", steps, "\n", grid);
    for (const std::string& set : Sets()) absl::StrAppend(&text, "set: \"", set, "\"\n");
    EXPECT_TRUE(WriteFileAtomic(file, text).ok());
    return {Binary("pmoe"), "sweep", file, "--jobs", "2"};
  }
  // The sweep's run has what a plain training leaves, bit for bit.
  void ExpectPlainRun(const std::string& swept, const std::string& algorithm, int seed,
                      int steps = 400) {
    std::vector<std::string> words = {
        "--algo",  algorithm,           "--seed", absl::StrCat(seed),
        "--steps", absl::StrCat(steps), "--set",  "observe.video=false"};
    for (const std::string& set : Sets()) words.insert(words.end(), {"--set", set});
    const std::string plain = MustTrain(absl::StrCat("plain-", swept), words);
    const std::string run = dir_.File("out/" + swept);
    ExpectSameRun(plain, run, steps);
  }
  // Nobody trains there.
  bool IsFree(const std::string& run) {
    const int fd = ::open((run + "/lock").c_str(), O_RDWR);
    const bool is_free = fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (fd >= 0) ::close(fd);
    return is_free;
  }

  static constexpr char kOneSeed[] = "grid { field: \"seed\" value: [\"4\"] }\n";
  static constexpr char kSeeds[] =
      "grid { field: \"algorithm\" value: [\"sac\", \"pmoe_sac\"] }\n"
      "grid { field: \"seed\" value: [\"1\", \"2\", \"3\"] }\n";
};

TEST_F(SweepTrainTest, ASweptRunHasTheBitsOfATraining) {
  const ProcessResult swept = RunProcess(Sweep("400", kOneSeed));
  ASSERT_EQ(swept.exit_code, 0) << swept.output;
  ExpectPlainRun("s4", "pmoe_sac", 4);
}

TEST_F(SweepTrainTest, RunsThatShareAProcessHaveTheBitsOfATraining) {
  const ProcessResult swept = RunProcess(Sweep("400", kSeeds));
  ASSERT_EQ(swept.exit_code, 0) << swept.output;
  EXPECT_THAT(BytesOf(dir_.File("out/logs/sac-s1-and-others.log")), HasSubstr("seeds 1,2,"));
  for (const int seed : {1, 2, 3}) {
    ExpectPlainRun(absl::StrCat("sac-s", seed), "sac", seed);
    ExpectPlainRun(absl::StrCat("pmoe_sac-s", seed), "pmoe_sac", seed);
  }
}

TEST_F(SweepTrainTest, StoppedHalfwayRunsThatShareAProcessGoOnWithTheirBits) {
  const auto begun = [this](int seed) {  // a row: before its first round there is no checkpoint
    const auto rows = ReadFile(dir_.File(absl::StrCat("out/sac-s", seed, "/metrics.csv")));
    return rows.ok() && std::count(rows->begin(), rows->end(), '\n') > 1;
  };
  ChildProcess sweep(Sweep("10000000", kSeeds));
  ASSERT_TRUE(Eventually([&] { return begun(1) && begun(2); }));
  sweep.Signal(SIGTERM);
  const ProcessResult stopped = sweep.Wait();
  EXPECT_EQ(stopped.exit_code, 3) << stopped.output;
  EXPECT_THAT(stopped.output, HasSubstr("2 stopped, 4 waiting"));
  // Wherever they are: so many that each has something left to do.
  int steps = 0;
  for (const int seed : {1, 2}) {
    const auto newest = NewestCheckpointIn(dir_.File(absl::StrCat("out/sac-s", seed)));
    ASSERT_OK(newest);
    steps = std::max(steps, static_cast<int>(*newest) + 300);
  }
  const ProcessResult resumed = RunProcess(Sweep(absl::StrCat(steps), kSeeds));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  EXPECT_THAT(BytesOf(dir_.File("out/logs/sac-s1-and-others.log")), HasSubstr("seeds 1,2,"));
  for (const int seed : {1, 2, 3}) ExpectPlainRun(absl::StrCat("sac-s", seed), "sac", seed, steps);
}

TEST_F(SweepTrainTest, AKilledSweepTakesItsTrainingsAlong) {
  ChildProcess sweep(Sweep("10000000", kOneSeed));
  const std::string run = dir_.File("out/s4");
  ASSERT_TRUE(Eventually([&] { return ReadFile(run + "/metrics.csv").ok(); }));
  EXPECT_FALSE(IsFree(run));
  sweep.Signal(SIGKILL);
  EXPECT_TRUE(Eventually([&] { return IsFree(run); }));
}

}  // namespace
}  // namespace pmoe
