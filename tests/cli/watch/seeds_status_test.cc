#include "cli/watch/seeds_status.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SeedsStatusTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write("seed_1/config.textproto", "schedule { total_steps: 1000 }");
    Write("seed_1/metrics.csv", "env_steps,eval_return_mean\n500,12.5\n700,\n");
    Write("seed_2/config.textproto", "schedule { total_steps: 1000 }");
    Write("log.txt",
          "2026-11-29 10:00:00 seed 1 started\n"
          "2026-11-29 10:00:09 seed 1 stopped at 700 env steps: the disk is full\nnonsense\n");
  }
  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = dir_.File(name);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  TempDir dir_;
};

TEST_F(SeedsStatusTest, EachRunShowsItsStepsItsReturnAndWhatItSaidLast) {
  const auto rows = ReadSeedRows(dir_.path());
  ASSERT_OK(rows);
  const std::vector<std::string> lines = SeedRowLines(*rows);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[1], HasSubstr("700 of 1000      12.5"));
  EXPECT_THAT(lines[1], HasSubstr("s ago  stopped at 700 env steps: the disk is full"));
  EXPECT_THAT(lines[2], HasSubstr("0 of 1000"));
}

TEST_F(SeedsStatusTest, AsJsonWhatIsNotThereYetIsNull) {
  const auto rows = ReadSeedRows(dir_.path());
  ASSERT_OK(rows);
  const nlohmann::json json = nlohmann::json::parse(SeedRowsJson(*rows));
  EXPECT_EQ(json[0]["eval_return"], 12.5);
  EXPECT_EQ(json[0]["directory"], dir_.File("seed_1"));
  EXPECT_TRUE(json[1]["eval_return"].is_null());
  EXPECT_TRUE(json[1]["written_s"].is_null());
}

// The file's time is another clock's: it said "-600 s ago".
TEST_F(SeedsStatusTest, WhatAClockThatIsAheadWroteHasNoAge) {
  const std::filesystem::path file = dir_.File("seed_1/metrics.csv");
  const auto now = std::filesystem::file_time_type::clock::now();
  std::filesystem::last_write_time(file, now + std::chrono::minutes(10));
  const auto rows = ReadSeedRows(dir_.path());
  ASSERT_OK(rows);
  EXPECT_EQ((*rows)[0].written_s, std::nullopt);
  std::filesystem::last_write_time(file, now - std::chrono::minutes(10));
  EXPECT_NEAR(*(*ReadSeedRows(dir_.path()))[0].written_s, 600.0, 60.0);
}

TEST_F(SeedsStatusTest, ADamagedConfigurationIsNamedAndAnotherFolderHasNoRows) {
  Write("seed_2/config.textproto", "sede: 1");
  EXPECT_THAT(ReadSeedRows(dir_.path()).status().message(), HasSubstr("seed_2/config.textproto"));
  const auto none = ReadSeedRows(dir_.File("seed_1"));
  ASSERT_OK(none);
  EXPECT_THAT(*none, IsEmpty());
}

}  // namespace
}  // namespace pmoe
