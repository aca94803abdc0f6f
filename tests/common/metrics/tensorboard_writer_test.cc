#include "common/metrics/tensorboard_writer.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/base/file.h"
#include "common/metrics/tensorboard_tags.h"
#include "gmock/gmock.h"
#include "tests/testing/paths.h"
#include "tests/testing/run_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::StartsWith;

constexpr double kTime = 1700000000.25;

ProcessResult RunScript(const std::string& python, const std::string& script,
                        const std::string& directory) {
  return RunProcess({python, SourceFile("tests/common/metrics/" + script), directory});
}

// A run that stopped at step 300 and went on from its checkpoint at step 200.
void WriteResumedRun(const std::string& directory) {
  absl::StatusOr<TensorBoardWriter> first = TensorBoardWriter::Create(directory, kTime);
  ASSERT_OK(first);
  EXPECT_OK(first->Write(100, kTime + 1, {{"critic_loss", 0.1}, {"alpha", 0}}));
  EXPECT_OK(first->Write(200, kTime + 2, {{"critic_loss", -2.5}}));
  EXPECT_OK(first->Write(300, kTime + 3, {{"critic_loss", 99}}));
  absl::StatusOr<TensorBoardWriter> second = TensorBoardWriter::Resume(directory, kTime + 4, 200);
  ASSERT_OK(second);
  EXPECT_OK(second->Write(300, kTime + 5, {{"critic_loss", 1e30}}));
}

TEST(TensorBoardWriterTest, FilesDecodeByTheFormatsOwnRules) {
  TempDir dir;
  WriteResumedRun(dir.path());
  const ProcessResult decoded = RunScript("/usr/bin/python3", "read_events.py", dir.path());
  EXPECT_EQ(decoded.exit_code, 0);
  EXPECT_EQ(decoded.output,
            "version brain.Event:2\n"
            "100 policy/alpha 0.0\n"
            "100 loss/critic 0.10000000149011612\n"
            "200 loss/critic -2.5\n"
            "300 loss/critic 99.0\n"
            "version brain.Event:2\n"
            "start 201\n"
            "300 loss/critic 1.0000000150474662e+30\n");
}

TEST(TensorBoardWriterTest, TensorBoardShowsAResumedRunAsOneCurve) {
  const char* python = std::getenv("PMOE_TENSORBOARD_PYTHON");
  if (python == nullptr || !std::filesystem::exists(python)) {
    GTEST_SKIP() << "PMOE_TENSORBOARD_PYTHON names no interpreter; ./pmoe test installs one";
  }
  TempDir dir;
  WriteResumedRun(dir.path());
  const ProcessResult shown = RunScript(python, "accumulate_events.py", dir.path());
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_EQ(shown.output,
            "100 loss/critic 0.10000000149011612\n"
            "200 loss/critic -2.5\n"
            "300 loss/critic 1.0000000150474662e+30\n"
            "100 policy/alpha 0.0\n");
}

// What TensorBoard makes of them: tests/python/tensorboard_test.py.
TEST(TensorBoardWriterTest, SettingsAreATextAndHyperparameters) {
  TempDir dir;
  absl::StatusOr<TensorBoardWriter> writer = TensorBoardWriter::Create(dir.path(), kTime);
  ASSERT_OK(writer);
  EXPECT_OK(writer->WriteSettings(0, kTime, {"seed: 3\n", {{"seed", "3"}}}));
  const ProcessResult decoded = RunScript("/usr/bin/python3", "read_events.py", dir.path());
  EXPECT_EQ(decoded.output,
            "version brain.Event:2\n"
            "0 config/text_summary of text\n"
            "0 _hparams_/session_start_info of hparams\n");
}

TEST(TensorBoardTagTest, GroupsAndNumberedColumns) {
  EXPECT_EQ(TensorBoardTag("eval_return_mean"), "eval/return");
  EXPECT_EQ(TensorBoardTag("time_update_s"), "time/update_s");
  EXPECT_EQ(TensorBoardTag("primitive_usage_12"), "primitive/usage_12");
  EXPECT_EQ(TensorBoardTag("primitive_win_rate_0"), "primitive/win_rate_0");
  EXPECT_EQ(TensorBoardTag("something_new"), "other/something_new");
}

TEST(TensorBoardWriterTest, EveryRowIsReadableAtOnce) {
  TempDir dir;
  absl::StatusOr<TensorBoardWriter> writer = TensorBoardWriter::Create(dir.path(), kTime);
  ASSERT_OK(writer);
  const auto before = std::filesystem::file_size(writer->path());
  ASSERT_OK(writer->Write(1, kTime, {{"a", 1}}));
  EXPECT_GT(std::filesystem::file_size(writer->path()), before);
}

// TensorBoard showed nothing of a run that was resumed after the clock had been set back.
TEST(TensorBoardWriterTest, FilesSortInTheirOrderWhateverTheClockSays) {
  TempDir dir;
  // Of another host, whose name sorts last, and of nobody's clock.
  std::ofstream(dir.File("events.out.tfevents.1700000000.zebra"));
  std::ofstream(dir.File("events.out.tfevents.99999999999999.zebra"));
  std::string last = dir.File("events.out.tfevents.1700000000.zebra");
  for (const double time_s : {kTime, kTime, kTime - 3600.0, kTime + 60.0, kTime + 59.0}) {
    const absl::StatusOr<TensorBoardWriter> writer = TensorBoardWriter::Create(dir.path(), time_s);
    ASSERT_OK(writer);
    EXPECT_LT(last, writer->path());
    last = writer->path();
  }
  EXPECT_THAT(last, StartsWith(dir.File("events.out.tfevents.1700000061.")));
}

TEST(TensorBoardWriterTest, AMissingFolderIsAnError) {
  TempDir dir;
  EXPECT_THAT(TensorBoardWriter::Create(dir.File("missing"), kTime),
              FailsWith(absl::StatusCode::kNotFound, "events.out.tfevents"));
}

}  // namespace
}  // namespace pmoe
