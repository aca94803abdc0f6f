#include "run/run_start.h"

#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/config/run_config.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class HowARunEndsTest : public ::testing::Test {
 protected:
  void SaveCheckpoint(uint64_t env_steps) {
    ASSERT_OK(directory_.SaveCheckpoint(env_steps, "", {}, /*keep=*/2));
  }

  TempDir folder_;
  const std::string path_ = folder_.File("it's a run");
  const RunDirectory directory_ = *RunDirectory::Create(path_);
};

TEST_F(HowARunEndsTest, GoesOnFromTheCheckpointByALineToPaste) {
  SaveCheckpoint(500);
  EXPECT_EQ(DescribeEnd(directory_, "./pmoe train", 500, 1000),
            "stopped at 500 of 1000 env steps; go on with: ./pmoe train --resume '" +
                folder_.File("it") + "'\\''s a run'");
}

TEST_F(HowARunEndsTest, SaysWhereTheCheckpointIsIfTheRunWentFurther) {
  SaveCheckpoint(400);
  EXPECT_THAT(DescribeEnd(directory_, "./pmoe train", 500, 1000),
              HasSubstr("from its checkpoint at 400 env steps, go on with"));
}

TEST_F(HowARunEndsTest, AdvisesNoResumeWithoutACheckpoint) {
  EXPECT_THAT(DescribeEnd(directory_, "./pmoe train", 500, 1000),
              EndsWith("there is no checkpoint to go on from; start it anew with another --out"));
  EXPECT_THAT(DescribeFailure(absl::InternalError("it broke"), directory_, "./pmoe train", 7),
              FailsWith(absl::StatusCode::kInternal,
                        "it broke\nThe run stopped at 7 env steps; there is no checkpoint"));
}

// An older build did not know some setting: what it had is today's default.
TEST(LoadRunConfigTest, ARunThatDoesNotNameASettingGoesOnWithItsDefault) {
  TempDir folder;
  ConfigSources sources;
  sources.flags = {{"env.id", "Hopper-v5"}};
  const std::string text = PrintConfig(*ResolveConfig(sources));
  RunStartOptions options;
  options.resume = folder.path();
  options.quiet = true;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  int without = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool setting = absl::StrContains(lines[i], ": ") && !absl::StrContains(lines[i], " id: ");
    if (!setting) continue;
    std::vector<std::string> others = lines;
    others.erase(others.begin() + static_cast<ptrdiff_t>(i));
    ASSERT_OK(WriteFileAtomic(folder.File("config.textproto"), absl::StrJoin(others, "\n")));
    EXPECT_OK(LoadRunConfig(options, "")) << lines[i];
    ++without;
  }
  EXPECT_GT(without, 80);
  options.config.sets = {"replay.selector=prioritized"};
  EXPECT_THAT(LoadRunConfig(options, ""), IsInvalid("cannot change replay.selector: uniform -> "));
}

TEST(ShellWordTest, QuotesOnlyWhatAShellWouldSplitOrExpand) {
  EXPECT_EQ(ShellWord("runs/Hopper-v5-s1"), "runs/Hopper-v5-s1");
  EXPECT_EQ(ShellWord("my runs/$a"), "'my runs/$a'");
  EXPECT_EQ(ShellWord(""), "''");
}

}  // namespace
}  // namespace pmoe
