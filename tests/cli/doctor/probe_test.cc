#include "cli/doctor/probe.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "gmock/gmock.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

const std::atomic<bool> kGoOn{false};

Probe RunShell(const std::string& script, double deadline_s = 30.0,
               const std::atomic<bool>& interrupted = kGoOn) {
  return RunProbe({"/bin/sh", "-c", script}, deadline_s, interrupted);
}

TEST(ProbeTest, KeepsWhatAProgramSays) {
  const Probe probe = RunShell("echo out; echo err >&2");
  EXPECT_TRUE(probe.ok);
  EXPECT_EQ(probe.said, "out\nerr\n");
  EXPECT_EQ(probe.failure, "");
}

TEST(ProbeTest, ItsErrorIsWhyItFailedOrElseItsLastLine) {
  EXPECT_EQ(RunShell("echo 'pmoe: no room; make some'; echo more; exit 2").failure,
            "no room; make some");
  EXPECT_EQ(RunShell("echo first; echo last; exit 2").failure, "last");
}

TEST(ProbeTest, ASilentEndIsNamed) {
  EXPECT_EQ(RunShell("exit 3").failure, "ended with exit code 3");
  EXPECT_THAT(RunShell("kill -SEGV $$").failure, HasSubstr("killed by signal 11"));
}

TEST(ProbeTest, ADeadlineEndsIt) {
  const Probe probe = RunShell("echo waiting; exec tail -f /dev/null", 0.2);
  EXPECT_FALSE(probe.ok);
  EXPECT_EQ(probe.failure, "had not ended after 0.2 s: waiting");
  EXPECT_LT(probe.seconds, 20.0);
}

TEST(ProbeTest, AnInterruptEndsIt) {
  const std::atomic<bool> interrupted{true};
  EXPECT_EQ(RunShell("exec tail -f /dev/null", 30.0, interrupted).failure, "interrupted");
}

TEST(ProbeTest, AProgramThatIsNotThereIsAFailure) {
  const Probe probe = RunProbe({"/nonexistent/program"}, 30.0, kGoOn);
  EXPECT_FALSE(probe.ok);
  EXPECT_THAT(probe.failure, HasSubstr("cannot start /nonexistent/program"));
}

TEST(FindOnPathTest, TakesTheFirstThatMayBeRun) {
  const std::string before = std::getenv("PATH");
  TempDir dir;
  std::ofstream(dir.File("tool")) << "#!/bin/sh\n";
  ::setenv("PATH", (":/nonexistent:" + dir.path()).c_str(), 1);
  EXPECT_EQ(FindOnPath("tool"), "") << "it may not be run";
  ::chmod(dir.File("tool").c_str(), 0755);
  EXPECT_EQ(FindOnPath("tool"), dir.File("tool"));
  ::unsetenv("PATH");
  EXPECT_EQ(FindOnPath("tool"), "");
  ::setenv("PATH", before.c_str(), 1);
}

}  // namespace
}  // namespace pmoe
