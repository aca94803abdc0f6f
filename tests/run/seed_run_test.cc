#include "run/seed_run.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

class SeedRunTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    const fs::path path = dir_.File(name);
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  TempDir dir_;
};

TEST_F(SeedRunTest, TheLastRowAndTheLastEvaluationAreRead) {
  EXPECT_EQ(ReadLastMetrics(dir_.path()).env_steps, 0);
  Write("metrics.csv", "env_steps,eval_return_mean\n100,1.5\n200,\n");
  EXPECT_EQ(ReadLastMetrics(dir_.path()).env_steps, 200);
  EXPECT_EQ(ReadLastMetrics(dir_.path()).eval_return, 1.5);
}

TEST_F(SeedRunTest, ANewStartKeepsTheConfigurationAlone) {
  const absl::StatusOr<RunDirectory> directory = RunDirectory::Create(dir_.File("seed_3"));
  ASSERT_OK(directory);
  for (const char* file : {"config.textproto", "metrics.csv", "log.txt", "learner.epoch",
                           "checkpoints/8.partial/state.pmoe", "replay/8.table"}) {
    Write(std::string("seed_3/") + file, "old");
  }
  ASSERT_OK(ClearForNewStart(*directory));
  std::vector<std::string> left;
  for (const auto& entry : fs::recursive_directory_iterator(directory->path())) {
    left.push_back(entry.path().filename());
  }
  EXPECT_THAT(left, ::testing::UnorderedElementsAre("config.textproto", "lock", "checkpoints",
                                                    "replay", "snapshots"));
}

}  // namespace
}  // namespace pmoe
