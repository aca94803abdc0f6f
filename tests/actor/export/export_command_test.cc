// `pmoe export` as a user runs it, and python/pmoe/check.py on what it wrote.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "actor/export/policy_export.h"
#include "tests/actor/run_testing.h"
#include "tests/testing/full_disk.h"
#include "tests/testing/paths.h"
#include "tests/testing/run_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const char* const kEndings[] = {".onnx", ".h", ".npz"};

class ExportCommandTest : public ::testing::Test {
 protected:
  ProcessResult Export(const std::string& file, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {Binary("pmoe"),   "export", "--run",
                                      dir_.File("run"), "--out",  file};
    words.insert(words.end(), more.begin(), more.end());
    return RunProcess(words);
  }
  std::string MustExport(const std::string& file) {
    const ProcessResult result = Export(dir_.File(file));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return dir_.File(file);
  }
  static ProcessResult Check(const std::vector<std::string>& files) {
    std::vector<std::string> words = {"env", "PYTHONPATH=" + SourceFile("python"),
                                      std::string(std::getenv("PMOE_DEPS")) + "/venv/bin/python",
                                      "-m", "pmoe.check"};
    words.insert(words.end(), files.begin(), files.end());
    return RunProcess(words);
  }
  static std::string Bytes(const std::string& file) {
    auto bytes = ReadFile(file);
    EXPECT_OK(bytes);
    return *std::move(bytes);
  }
  // `policy` in three files of which the golden trajectory is another policy's.
  static ExportedPolicy Impostor() {
    auto one = CollectPolicy(CheetahSnapshot(1), "none", nullptr);
    const auto other = CollectPolicy(CheetahSnapshot(2), "none", nullptr);
    EXPECT_OK(one);
    EXPECT_OK(other);
    one->golden = other->golden;
    return *std::move(one);
  }

  TempDir dir_;
};

TEST_F(ExportCommandTest, EveryEditionReplaysAnEpisode) {
  for (const HeadType head : {HeadType::kGaussian, HeadType::kMixture, HeadType::kGating,
                              HeadType::kMcp, HeadType::kOption}) {
    MakeRandomRun(dir_.File("run"), "HalfCheetah-v5", [head](PolicyOptions* o) {
      o->head = head;
      o->primitives = head == HeadType::kGaussian ? 1 : 3;
      o->normalizes_obs = head == HeadType::kOption;
    });
    const ProcessResult checked =
        Check({MustExport("p.onnx"), MustExport("p.h"), MustExport("p.npz")});
    EXPECT_EQ(checked.exit_code, 0) << checked.output;
    for (const char* file : {"p.onnx: whole", "p.h: whole", "p.npz: whole"}) {
      EXPECT_THAT(checked.output, HasSubstr(file));
    }
    EXPECT_THAT(checked.output,
                HasSubstr("acts as it did in 50 steps of an episode of HalfCheetah-v5, seed 0"));
  }
}

TEST_F(ExportCommandTest, EqualPoliciesAreEqualBytes) {
  MakeRandomRun(dir_.File("run"), "Hopper-v5");
  for (const std::string ending : kEndings) {
    std::filesystem::create_directories(dir_.File("a"));
    std::filesystem::create_directories(dir_.File("b"));
    EXPECT_EQ(Bytes(MustExport("a/p" + ending)), Bytes(MustExport("b/p" + ending))) << ending;
  }
}

TEST_F(ExportCommandTest, AnotherEndingIsRefusedWithTheList) {
  for (const std::string name : {"p.pt", "p", "p.onnx.txt", ".npz", "dir.npz/p"}) {
    const ProcessResult result = Export(dir_.File(name));  // before it looks for the run
    EXPECT_EQ(result.exit_code, 2) << name;
    EXPECT_THAT(result.output, AllOf(HasSubstr("must end in .onnx (ONNX), .h (C) or .npz (NumPy)"),
                                     HasSubstr(dir_.File(name))));
  }
}

// A byte anywhere, also in text that no number depends on.
TEST_F(ExportCommandTest, ADamagedFileFailsTheCheck) {
  MakeRandomRun(dir_.File("run"), "Hopper-v5");
  for (const std::string ending : kEndings) {
    const std::string whole = Bytes(MustExport("p" + ending)), file = dir_.File("damaged" + ending);
    std::vector<std::string> damages = {whole.substr(0, whole.size() / 2), "",
                                        whole.substr(0, whole.size() - 1)};
    for (int part = 1; part < 10; ++part) {
      damages.push_back(whole);
      damages.back()[whole.size() * static_cast<size_t>(part) / 10] ^= 1;
    }
    for (size_t i = 0; i < damages.size(); ++i) {
      std::ofstream(file, std::ios::binary) << damages[i];
      const ProcessResult checked = Check({file});
      EXPECT_EQ(checked.exit_code, 1) << ending << ", damage " << i << ": " << checked.output;
      EXPECT_THAT(checked.output, HasSubstr("DAMAGED"));
    }
  }
}

TEST_F(ExportCommandTest, AFileThatActsOtherwiseFailsTheCheckThoughItIsWhole) {
  const ExportedPolicy impostor = Impostor();
  for (const std::string ending : kEndings) {
    ASSERT_OK(ExportPolicy(impostor, dir_.File("p" + ending)));
    const ProcessResult checked = Check({dir_.File("p" + ending)});
    EXPECT_EQ(checked.exit_code, 1) << ending << checked.output;
    EXPECT_THAT(checked.output, AllOf(HasSubstr("DAMAGED"), ::testing::Not(HasSubstr("checksum"))));
  }
}

TEST_F(ExportCommandTest, WhatCannotBeCheckedIsAnotherExitCode) {
  const ProcessResult missing = Check({dir_.File("none.onnx")});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.output, HasSubstr("cannot be read"));
  EXPECT_EQ(Check({dir_.File("p.pt")}).exit_code, 2);
  EXPECT_EQ(Check({}).exit_code, 2);
}

TEST_F(ExportCommandTest, ATaskThatIsNotHereIsSaidAndDrawnObservationsCheckTheFile) {
  MakeRandomRun(dir_.File("run"), "Hopper-v5");
  std::ofstream(dir_.File("run/config.textproto"))
      << "env { id: \"mjcf:" << dir_.File("gone.textproto") << "\" }\nobserve {}\n";
  const ProcessResult result = Export(dir_.File("p.onnx"));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, AllOf(HasSubstr("is not here"), HasSubstr("gone.textproto")));
  const ProcessResult checked = Check({dir_.File("p.onnx")});
  EXPECT_EQ(checked.exit_code, 0) << checked.output;
  EXPECT_THAT(checked.output, HasSubstr("50 steps on drawn observations"));
}

TEST_F(ExportCommandTest, AFullDiskLeavesTheOldFile) {
  const auto policy = CollectPolicy(CheetahSnapshot(1), "none", nullptr);
  ASSERT_OK(policy);
  for (const std::string ending : kEndings) {
    const std::string file = dir_.File("p" + ending);
    std::ofstream(file) << "old";
    {
      FullDisk full;
      EXPECT_THAT(ExportPolicy(*policy, file),
                  FailsWith(absl::StatusCode::kResourceExhausted, "free some space"));
    }
    EXPECT_EQ(Bytes(file), "old");
  }
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.File(""))) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, std::size(kEndings)) << "half a file is left";
}

// /sys lets nobody make a file, root neither.
TEST_F(ExportCommandTest, AFolderThatCannotBeWrittenIsNamed) {
  MakeRandomRun(dir_.File("run"), "Hopper-v5");
  for (const std::string ending : kEndings) {
    const ProcessResult result = Export("/sys/p" + ending);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, AllOf(HasSubstr("/sys/p" + ending), HasSubstr("--out")));
    const ProcessResult missing = Export(dir_.File("nowhere/p" + ending));
    EXPECT_EQ(missing.exit_code, 2) << missing.output;
    EXPECT_THAT(missing.output, HasSubstr("nowhere/p" + ending));
  }
}

TEST_F(ExportCommandTest, BoundsThatFloat32CannotHoldAreRefusedButForNumPy) {
  const auto snapshot = RandomSnapshot(CheetahPolicy(), 1);
  for (const double low : {-1e300, std::nextafter(1.0, 0.0)}) {
    auto wide = std::make_shared<PolicySnapshot>(*snapshot);
    wide->spec.action_low[2] = low;
    const auto policy = CollectPolicy(wide, "none", nullptr);
    ASSERT_OK(policy);
    for (const char* file : {"p.onnx", "p.h"}) {
      EXPECT_THAT(ExportPolicy(*policy, dir_.File(file)),
                  FailsWith(absl::StatusCode::kInvalidArgument, "action 2"));
    }
    EXPECT_OK(ExportPolicy(*policy, dir_.File("p.npz")));
  }
}

}  // namespace
}  // namespace pmoe
