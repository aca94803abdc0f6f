// A lockstep cluster of which one role's disk fills up, fails once, or which is killed, at a change
// of the run's directory: it says so, and a resume with a sound disk has the bits of a run that
// nothing happened to. PMOE_EVERY_CHANGE=1: at each change in turn; else at one.
#include <cstdlib>
#include <filesystem>
#include <tuple>

#include "absl/strings/match.h"
#include "tests/cluster/cluster_testing.h"
#include "tests/testing/run_comparison.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;

class ClusterDiskTest
    : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {  // program, kind
 protected:
  static std::vector<std::string> Flags() {
    return SmallFlags("InvertedPendulum-v5",
                      {"--mode", "lockstep", "--steps", "400", "--actors", "2", "--set",
                       "checkpoint.every_steps=200", "--dashboard", "none"});
  }
  ProcessResult UpUnder(const std::string& fault) {
    std::vector<std::string> words = {"/usr/bin/env",
                                      absl::StrCat("LD_PRELOAD=", std::getenv("PMOE_FAILING_DISK")),
                                      "PMOE_DISK_DIR=" + run_,
                                      absl::StrCat("PMOE_DISK_PROGRAM=", std::get<0>(GetParam())),
                                      "PMOE_DISK_FAULT=" + fault,
                                      "/usr/bin/timeout",
                                      "-s",
                                      "KILL",
                                      "100",
                                      Binary("pmoe"),
                                      "up",
                                      "--out",
                                      run_};
    const std::vector<std::string> flags = Flags();
    words.insert(words.end(), flags.begin(), flags.end());
    return RunProcess(words);
  }
  void ExpectGoesOn(const std::string& whole, bool has_checkpoint) {
    const ProcessResult verify = RunProcess({Binary("pmoe"), "run", "verify", run_, "--json"});
    const ProcessResult resumed = RunProcess({Binary("pmoe"), "up", "--resume", run_});
    if (absl::StrContains(verify.output, "\"resumes_at\": null") || verify.exit_code == 2) {
      EXPECT_FALSE(has_checkpoint) << verify.output;
      EXPECT_EQ(resumed.exit_code, 2) << verify.output << resumed.output;
      EXPECT_THAT(resumed.output, HasSubstr(run_));
      return;
    }
    // Exit code 2: it had finished.
    if (!absl::StrContains(resumed.output, "has finished")) {
      EXPECT_EQ(resumed.exit_code, 0) << verify.output << resumed.output;
    }
    ExpectSameRun(whole, run_, 400);
  }

  TempDir dir_;
  const std::string run_ = dir_.File("run");
};

TEST_P(ClusterDiskTest, ARoleWhoseDiskFailsLosesNothing) {
  std::vector<std::string> train = Flags();
  train.insert(train.begin(), {Binary("pmoe"), "train", "--out", dir_.File("whole")});
  ASSERT_EQ(RunProcess(train).exit_code, 0);
  const std::string count = dir_.File("count");
  ASSERT_EQ(UpUnder("count:" + count).exit_code, 0);
  fs::remove_all(run_);
  const long changes = static_cast<long>(BytesOf(count).size());
  ASSERT_GT(changes, 4);
  const bool all = std::getenv("PMOE_EVERY_CHANGE") != nullptr;
  const std::string kind = std::get<1>(GetParam());
  const bool learner = std::get<0>(GetParam()) == std::string("pmoe-learner");
  // Else in the middle of the second half, where the learner has a checkpoint to go on from; what
  // replay counts as its changes depends on when it looks.
  for (long change = all ? 0 : changes * 3 / 4; change < changes; change += all ? 1 : changes) {
    SCOPED_TRACE(absl::StrCat(kind, ":", change, " of ", changes));
    const ProcessResult result = UpUnder(absl::StrCat(kind, ":", change));
    SCOPED_TRACE(result.output);
    EXPECT_TRUE(result.exit_code >= 0 && result.exit_code <= 2) << result.exit_code;
    if (result.exit_code != 0 && kind == "full") {
      // Where its log lies on the full disk too, that is all `pmoe up` can say.
      EXPECT_THAT(result.output, AnyOf(HasSubstr("No space left on device"),
                                       HasSubstr("make room if its disk is full")));
    }
    ExpectGoesOn(dir_.File("whole"), /*has_checkpoint=*/learner && change >= changes * 3 / 4);
    fs::remove_all(run_);
  }
}

INSTANTIATE_TEST_SUITE_P(Roles, ClusterDiskTest,
                         ::testing::Combine(::testing::Values("pmoe-learner", "pmoe-replay"),
                                            ::testing::Values("full", "once", "kill")));

}  // namespace
}  // namespace pmoe
