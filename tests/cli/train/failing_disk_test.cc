// A training whose disk is full from any change of its directory on, fails once, or that is killed
// there: it says so, and goes on later with the bits of a run that nothing happened to. The changes
// are the program's own, counted, so that a new one cannot be forgotten. PMOE_EVERY_CHANGE=1: each
// of them in turn; else some.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/match.h"
#include "tests/cli/train/train_testing.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::AnyOf;
using ::testing::HasSubstr;

class FailingDiskTest : public TrainTest, public ::testing::WithParamInterface<const char*> {
 protected:
  ProcessResult TrainUnder(const std::string& fault) {
    std::vector<std::string> words = {"/usr/bin/env",
                                      absl::StrCat("LD_PRELOAD=", std::getenv("PMOE_FAILING_DISK")),
                                      "PMOE_DISK_DIR=" + run_,
                                      "PMOE_DISK_FAULT=" + fault,
                                      "/usr/bin/timeout",
                                      "-s",
                                      "KILL",
                                      "100"};
    const std::vector<std::string> train = Command(SmallRun(GetParam()), {"--out", run_});
    words.insert(words.end(), train.begin(), train.end());
    return RunProcess(words);
  }
  long CountChanges() {
    const std::string count = dir_.File("count");
    EXPECT_EQ(TrainUnder("count:" + count).exit_code, 0);
    fs::remove_all(run_);
    return static_cast<long>(BytesOf(count).size());
  }
  // Ends by itself, in order, and says what was missing.
  static void ExpectExplained(const ProcessResult& result) {
    EXPECT_TRUE(result.exit_code >= 0 && result.exit_code <= 2) << result.exit_code;
    if (result.exit_code == 0) return;
    EXPECT_THAT(result.output,
                AnyOf(HasSubstr("No space left on device"), HasSubstr("Input/output error")));
    // The last progress line and the last words are of the same moment.
    if (absl::StrContains(result.output, "256/256")) {
      EXPECT_THAT(result.output, HasSubstr("The run stopped at 256 env steps"));
    }
  }
  // With a sound disk again.
  void ExpectGoesOn(const std::string& whole) {
    const ProcessResult verify = RunProcess({Binary("pmoe"), "run", "verify", run_, "--json"});
    const ProcessResult resumed = Train({"--resume", run_, "--dashboard", "none"});
    if (absl::StrContains(verify.output, "\"resumes_at\": null") || verify.exit_code == 2) {
      EXPECT_EQ(resumed.exit_code, 2) << verify.output << resumed.output;
      EXPECT_THAT(resumed.output, HasSubstr(run_));
      return;
    }
    EXPECT_EQ(resumed.exit_code, 0) << verify.output << resumed.output;
    ExpectSameRun(whole, run_, 256);
    ++resumed_;
  }

  const std::string run_ = dir_.File("run");
  int resumed_ = 0;
};

TEST_P(FailingDiskTest, AtEachChangeOfItsDirectory) {
  const std::string whole = MustTrain("whole", SmallRun(GetParam()));
  const long changes = CountChanges();
  ASSERT_GT(changes, 100);
  const bool all = std::getenv("PMOE_EVERY_CHANGE") != nullptr;
  for (const std::string kind : {"full", "once", "kill"}) {
    const long step = all ? 1 : changes / 4;
    for (long change = all ? 0 : step / 2; change < changes; change += step) {
      SCOPED_TRACE(absl::StrCat(kind, ":", change, " of ", changes));
      const ProcessResult result = TrainUnder(absl::StrCat(kind, ":", change));
      SCOPED_TRACE(result.output);
      if (kind != "kill") ExpectExplained(result);
      ExpectGoesOn(whole);
      if (HasFailure() && !all) return;
      fs::remove_all(run_);
    }
  }
  EXPECT_GT(resumed_, 0);
}

INSTANTIATE_TEST_SUITE_P(Algorithms, FailingDiskTest, ::testing::Values("sac", "ppo"));

}  // namespace
}  // namespace pmoe
