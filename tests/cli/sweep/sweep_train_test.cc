// `pmoe sweep` with real trainings.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/cli/train/train_testing.h"
#include "tests/testing/eventually.h"

namespace pmoe {
namespace {

class SweepTrainTest : public TrainTest {
 protected:
  std::vector<std::string> Sweep(const std::string& steps) {
    const std::string file = dir_.File("sweep.textproto");
    EXPECT_TRUE(
        WriteFileAtomic(file, absl::StrCat("out: \"", dir_.File("out"), "\"\nsteps: ", steps, "\n",
                                           kSets, "grid { field: \"seed\" value: [\"4\"] }\n"))
            .ok());
    return {Binary("pmoe"), "sweep", file};
  }
  // Nobody trains there.
  bool IsFree(const std::string& run) {
    const int fd = ::open((run + "/lock").c_str(), O_RDWR);
    const bool is_free = fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (fd >= 0) ::close(fd);
    return is_free;
  }

  static constexpr char kSets[] =
      "set: [\"env.id=InvertedPendulum-v5\", \"schedule.start_steps=100\",\n"
      "      \"schedule.update_after=100\", \"policy.hidden=16,16\",\n"
      "      \"learner.critic_hidden=16,16\", \"learner.batch_size=16\",\n"
      "      \"observe.eval_every_steps=200\", \"observe.eval_episodes=2\",\n"
      "      \"observe.log_every_steps=100\"]\n";
};

TEST_F(SweepTrainTest, ASweptRunHasTheBitsOfATraining) {
  const ProcessResult swept = RunProcess(Sweep("400"));
  ASSERT_EQ(swept.exit_code, 0) << swept.output;
  std::vector<std::string> words = {"--seed", "4", "--steps", "400"};
  for (const char* set :
       {"env.id=InvertedPendulum-v5", "schedule.start_steps=100", "schedule.update_after=100",
        "policy.hidden=16,16", "learner.critic_hidden=16,16", "learner.batch_size=16",
        "observe.eval_every_steps=200", "observe.eval_episodes=2", "observe.log_every_steps=100",
        "observe.video=false"}) {
    words.insert(words.end(), {"--set", set});
  }
  ExpectSameRun(MustTrain("alone", words), dir_.File("out/s4"), 400);
}

TEST_F(SweepTrainTest, AKilledSweepTakesItsTrainingsAlong) {
  ChildProcess sweep(Sweep("10000000"));
  const std::string run = dir_.File("out/s4");
  ASSERT_TRUE(Eventually([&] { return ReadFile(run + "/metrics.csv").ok(); }));
  EXPECT_FALSE(IsFree(run));
  sweep.Signal(SIGKILL);
  EXPECT_TRUE(Eventually([&] { return IsFree(run); }));
}

}  // namespace
}  // namespace pmoe
