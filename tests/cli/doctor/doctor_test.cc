// `pmoe doctor` as a user runs it, on this machine and with things taken away.
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/testing/paths.h"
#include "tests/testing/run_process.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

class DoctorTest : public ::testing::Test {
 protected:
  // before: what runs it, as {"env", "-u", "PATH"}.
  ProcessResult Doctor(std::vector<std::string> words, std::vector<std::string> before = {}) {
    before.insert(before.begin(), {"env", "TMPDIR=" + dir_.path()});
    before.insert(before.end(), {Binary("pmoe"), "doctor"});
    before.insert(before.end(), words.begin(), words.end());
    return RunProcess(before);
  }
  static nlohmann::json Part(const nlohmann::json& report, const std::string& name) {
    for (const nlohmann::json& part : report["parts"]) {
      if (part["name"] == name) return part;
    }
    return {};
  }

  TempDir dir_;
};

TEST_F(DoctorTest, TriesWhatItIsAskedFor) {
  const ProcessResult result = Doctor({"--for", "train,up", "--for", "dashboard,play", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.output;
  // A busy machine may be worth a warning before it.
  const auto report = nlohmann::json::parse(result.output.substr(result.output.find('{')));
  EXPECT_EQ(report["works"], true);
  for (const char* name : {"train", "up", "dashboard", "play"}) {
    EXPECT_EQ(Part(report, name)["trial"]["ok"], true) << name;
  }
  EXPECT_EQ(Part(report, "cuda")["trial"], nullptr) << "nobody asked for it";
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path())) << "the trials' folder is gone";
}

TEST_F(DoctorTest, WithoutFfmpegNothingIsDrawn) {
  const ProcessResult result =
      Doctor({"--for", "play", "--no-trial"}, {"env", "PATH=/nonexistent"});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("ffmpeg: not on PATH\n      fix: apt-get install ffmpeg"));
}

TEST_F(DoctorTest, AMissingProgramIsNamed) {
  std::filesystem::copy_file(Binary("pmoe"), dir_.File("pmoe"));
  const ProcessResult result = RunProcess({dir_.File("pmoe"), "doctor"});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("pmoe-train: does not start"));
  EXPECT_THAT(result.output, HasSubstr("fix: ./pmoe build makes it"));
}

TEST_F(DoctorTest, AnotherPlaceWithoutWheelsIsNamed) {
  const ProcessResult result = Doctor({"--no-trial"}, {"env", "PMOE_DEPS=/nonexistent"});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("torch: not in /nonexistent/venv"));
}

TEST_F(DoctorTest, FewDescriptorsAreNamed) {
  const ProcessResult result = Doctor({"--no-trial"}, {"prlimit", "--nofile=64:64"});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("descriptors: 64 files and sockets at once"));
}

// In a mount namespace of its own, which some containers do not allow.
TEST_F(DoctorTest, AFullVolumeIsNamed) {
  const std::string script =
      "mount -t tmpfs -o size=64k tmpfs \"$TMPDIR\" || exit 77\n"
      "head -c 60k /dev/zero >\"$TMPDIR/full\"\ncd \"$TMPDIR\"\nexec \"$@\"\n";
  const ProcessResult result = Doctor({}, {"unshare", "-m", "sh", "-c", script, "sh"});
  if (result.exit_code == 77 || result.exit_code == 1) {
    GTEST_SKIP() << "needs the right to mount: " << result.output;
  }
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("disk: 0.0 GB free in ."));
  EXPECT_THAT(result.output, HasSubstr("TMPDIR=/another/folder"));
}

// A disk that takes small files: only the training finds out.
TEST_F(DoctorTest, WhatOnlyATrialFindsIsSaid) {
  const ProcessResult result = Doctor({}, {"prlimit", "--fsize=100000"});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("    tried: cannot write"));
}

TEST_F(DoctorTest, AnUnknownPartIsAUsageError) {
  const ProcessResult result = Doctor({"--for", "plya"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.output,
            "pmoe: --for knows no \"plya\"; did you mean play? (train, up, play, dashboard, cuda, "
            "containers, all)\n");
}

}  // namespace
}  // namespace pmoe
