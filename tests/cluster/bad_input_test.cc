// What a user of the cluster meets when something is wrong.
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/cluster/cluster_testing.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

void ExpectUsageError(const std::vector<std::string>& words, const std::string& message) {
  const ProcessResult result = RunProcess(words);
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr(message));
}

TEST(BadInputTest, AnAddressThatOthersCouldReachNeedsCertificates) {
  for (const char* address : {"0.0.0.0:7000", "example.org:7000", "192.168.0.1:1"}) {
    ExpectUsageError({Binary("pmoe-actor"), "run", "--learner", address}, "give --tls DIR");
    ExpectUsageError({Binary("pmoe-actor"), "run", "--learner", address, "--insecure"},
                     "--insecure is for loopback only");
  }
}

TEST(BadInputTest, ASocketPathThatIsTooLongSaysHowLong) {
  const std::string path = "unix:/tmp/" + std::string(120, 'x');
  ExpectUsageError({Binary("pmoe-actor"), "run", "--learner", path}, "at most 107 bytes");
  ExpectUsageError({Binary("pmoe-learner"), "--listen", path}, "at most 107 bytes");
  ExpectUsageError(
      {Binary("pmoe-replay"), "--learner", path, "--listen", "127.0.0.1:0", "--dir", "/tmp/x"},
      "at most 107 bytes");
}

TEST(BadInputTest, NobodyListensIsRetriedVisiblyAndGivenUp) {
  const ProcessResult result = RunProcess(
      {Binary("pmoe-actor"), "run", "--learner", "127.0.0.1:1", "--insecure", "--give-up", "3"});
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("attempt 5 in "));
  EXPECT_THAT(result.output, HasSubstr("no learner at 127.0.0.1:1 for 3 s"));
}

TEST(BadInputTest, APortInUseIsNamed) {
  TempDir dir;
  const std::string socket = "unix:" + dir.File("s");
  ChildProcess first({Binary("pmoe-learner"), "--listen", socket, "--env", "HalfCheetah-v5",
                      "--out", dir.File("a")});
  ASSERT_TRUE(Eventually([&] {
    return RunProcess({Binary("pmoe"), "health", socket}).exit_code == 0;
  }));
  ExpectUsageError({Binary("pmoe-learner"), "--listen", socket, "--env", "HalfCheetah-v5", "--out",
                    dir.File("b")},
                   "another process does");
  // A second learner of the same run is kept out by the directory's lock.
  ExpectUsageError(
      {Binary("pmoe-learner"), "--listen", "127.0.0.1:0", "--insecure", "--resume", dir.File("a")},
      "another process is training");
  first.Signal(SIGTERM);
  EXPECT_EQ(first.Wait().exit_code, 0);
}

TEST(BadInputTest, AFinishedRunSaysHowToMakeItLonger) {
  TempDir dir;
  std::vector<std::string> flags =
      SmallFlags("InvertedPendulum-v5", {"--steps", "300", "--out", dir.File("run")});
  flags.insert(flags.begin(), {Binary("pmoe"), "up"});
  const ProcessResult result = RunProcess(flags);
  ASSERT_EQ(result.exit_code, 0) << result.output;
  ExpectUsageError({Binary("pmoe"), "up", "--resume", dir.File("run")},
                   "make it longer with --steps");
  ExpectUsageError({Binary("pmoe"), "up", "--env", "Hopper-v5", "--out", dir.File("run")},
                   "holds a run already");
}

TEST(BadInputTest, OrResumeNeedsADirectoryAndHasNothingToDoInAFinishedRun) {
  TempDir dir;
  std::vector<std::string> learner =
      SmallFlags("InvertedPendulum-v5", {"--steps", "300", "--or-resume"});
  learner.insert(learner.begin(), {Binary("pmoe-learner"), "--listen", "unix:" + dir.File("s"),
                                   "--preset", "paper"});
  ExpectUsageError(learner, "--or-resume needs --out");
  ASSERT_TRUE(std::filesystem::create_directories(dir.File("run/checkpoints/300")));
  std::ofstream(dir.File("run/checkpoints/300/state.pmoe")) << "whatever the learner knew";
  std::vector<std::string> config = SmallFlags("InvertedPendulum-v5", {"--steps", "300"});
  config.insert(config.begin(), {Binary("pmoe"), "config", "print"});
  std::ofstream(dir.File("run/config.textproto")) << RunProcess(config).output;
  learner.insert(learner.end(), {"--out", dir.File("run")});
  const ProcessResult result = RunProcess(learner);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("has finished"));
}

TEST(BadInputTest, WrongSettingsEndBeforeAnythingStarts) {
  ExpectUsageError({Binary("pmoe"), "up", "--env", "HalfCheeta-v5"}, "HalfCheetah-v5");
  ExpectUsageError({Binary("pmoe"), "up", "--set", "learner.actor_lrr=1"}, "learner.actor_lr");
  ExpectUsageError({Binary("pmoe"), "up", "--mode", "lockstep", "--shards", "2"},
                   "replay.shards must be 1 in lockstep");
}

// A volume of its own, so that the machine's is not filled.
class SmallVolume {
 public:
  explicit SmallVolume(std::string path) : path_(std::move(path)) {}
  ~SmallVolume() { ::umount2(path_.c_str(), MNT_DETACH); }
  bool Mount(const char* size) const {
    return ::mount("tmpfs", path_.c_str(), "tmpfs", 0, absl::StrCat("size=", size).c_str()) == 0;
  }
  bool Grow(const char* size) const {
    return ::mount(nullptr, path_.c_str(), nullptr, MS_REMOUNT,
                   absl::StrCat("size=", size).c_str()) == 0;
  }

 private:
  const std::string path_;
};

TEST(BadInputTest, AFullVolumeEndsTheRunWithTheFixAndLosesNoCheckpoint) {
  TempDir dir;
  const SmallVolume volume(dir.path());
  if (!volume.Mount("1500k")) GTEST_SKIP() << "only root may mount: " << std::strerror(errno);
  std::vector<std::string> flags = SmallFlags(
      "HalfCheetah-v5",
      {"--steps", "20000", "--out", dir.File("run"), "--set", "checkpoint.every_steps=1000"});
  flags.insert(flags.begin(), {Binary("pmoe"), "train"});
  const ProcessResult full = RunProcess(flags);
  EXPECT_EQ(full.exit_code, 2) << full.output;
  EXPECT_THAT(full.output, HasSubstr("No space left on device; free some space"));
  ASSERT_TRUE(volume.Grow("64m"));
  const ProcessResult more = RunProcess({Binary("pmoe"), "train", "--resume", dir.File("run")});
  EXPECT_EQ(more.exit_code, 0) << more.output;
  EXPECT_THAT(more.output, HasSubstr("resuming HalfCheetah-v5"));
}

TEST(BadInputTest, HealthAndStatusSayThatNobodyAnswers) {
  TempDir dir;
  EXPECT_EQ(RunProcess({Binary("pmoe"), "health", "unix:" + dir.File("none")}).exit_code, 3);
  EXPECT_EQ(RunProcess({Binary("pmoe"), "health", "nonsense"}).exit_code, 2);
  EXPECT_EQ(
      RunProcess({Binary("pmoe"), "status", "--learner", "unix:" + dir.File("none")}).exit_code, 3);
  EXPECT_EQ(RunProcess({Binary("pmoe"), "status", "--run", dir.path()}).exit_code, 2);
}

}  // namespace
}  // namespace pmoe
