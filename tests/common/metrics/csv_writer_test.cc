#include "common/metrics/csv_writer.h"

#include <sys/resource.h>

#include <csignal>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

const std::vector<std::string>& Columns() {
  static const auto& columns = *new std::vector<std::string>{"env_steps", "critic_loss", "alpha"};
  return columns;
}

constexpr char kHeader[] = "env_steps,critic_loss,alpha\n";

class CsvWriterTest : public ::testing::Test {
 protected:
  std::string Text() { return ReadFile(path_).value_or("no file"); }

  void WriteRows(const std::vector<MetricRow>& rows) {
    absl::StatusOr<CsvWriter> writer = CsvWriter::Create(path_, Columns());
    ASSERT_OK(writer);
    for (const MetricRow& row : rows) ASSERT_OK(writer->Write(row));
  }

  TempDir dir_;
  std::string path_ = dir_.File("metrics.csv");
};

TEST_F(CsvWriterTest, RowsAreReadableAtOnce) {
  absl::StatusOr<CsvWriter> writer = CsvWriter::Create(path_, Columns());
  ASSERT_OK(writer);
  EXPECT_EQ(Text(), kHeader);
  ASSERT_OK(writer->Write({{"env_steps", 1000}, {"alpha", 0.2}, {"critic_loss", 1.5}}));
  EXPECT_EQ(Text(), absl::StrCat(kHeader, "1000,1.5,0.2\n"));
}

TEST_F(CsvWriterTest, AbsentIsEmptyAndNotANumberIsKept) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  WriteRows({{{"env_steps", 1}}, {{"env_steps", 2}, {"alpha", nan}}, {{"alpha", -0.0}}});
  EXPECT_EQ(Text(), absl::StrCat(kHeader, "1,,\n2,,nan\n,,-0\n"));
}

TEST_F(CsvWriterTest, NumbersAreShortAndReadBackAsTheSameBits) {
  WriteRows({{{"env_steps", 100000}, {"alpha", 0.1}, {"critic_loss", 1e-7}},
             {{"env_steps", 3000000}, {"alpha", 1.0 / 3}, {"critic_loss", 0.1 + 0.2}}});
  EXPECT_EQ(Text(), absl::StrCat(kHeader, "100000,1e-07,0.1\n",
                                 "3000000,0.30000000000000004,0.3333333333333333\n"));
}

TEST_F(CsvWriterTest, UnknownColumnsAreRefused) {
  absl::StatusOr<CsvWriter> writer = CsvWriter::Create(path_, Columns());
  ASSERT_OK(writer);
  EXPECT_THAT(writer->Write({{"env_steps", 1}, {"aplha", 1}}), IsInvalid("has no column aplha"));
  EXPECT_EQ(Text(), kHeader);
}

TEST_F(CsvWriterTest, DoesNotOverwrite) {
  WriteRows({});
  EXPECT_THAT(CsvWriter::Create(path_, Columns()),
              FailsWith(absl::StatusCode::kAlreadyExists, "metrics.csv"));
}

TEST_F(CsvWriterTest, ResumeDropsRowsAfterTheCheckpoint) {
  WriteRows({{{"env_steps", 1000}}, {{"env_steps", 2000}}, {{"env_steps", 3000}}});
  absl::StatusOr<CsvWriter> writer = CsvWriter::Resume(path_, Columns(), 2000);
  ASSERT_OK(writer);
  EXPECT_EQ(Text(), absl::StrCat(kHeader, "1000,,\n2000,,\n"));
  ASSERT_OK(writer->Write({{"env_steps", 3000}, {"alpha", 1}}));
  EXPECT_EQ(Text(), absl::StrCat(kHeader, "1000,,\n2000,,\n3000,,1\n"));
}

TEST_F(CsvWriterTest, ResumeDropsARowThatACrashTore) {
  ASSERT_OK(WriteFileAtomic(path_, absl::StrCat(kHeader, "1000,,\n2000,1.")));
  ASSERT_OK(CsvWriter::Resume(path_, Columns(), 5000));
  EXPECT_EQ(Text(), absl::StrCat(kHeader, "1000,,\n"));
}

TEST_F(CsvWriterTest, ResumeBeforeTheFirstRowKeepsTheHeader) {
  WriteRows({{{"env_steps", 1000}}});
  ASSERT_OK(CsvWriter::Resume(path_, Columns(), 0));
  EXPECT_EQ(Text(), kHeader);
}

TEST_F(CsvWriterTest, ResumeMakesAMissingFile) {
  ASSERT_OK(CsvWriter::Resume(path_, Columns(), 0));
  EXPECT_EQ(Text(), kHeader);
}

TEST_F(CsvWriterTest, ResumeRefusesOtherColumns) {
  ASSERT_OK(WriteFileAtomic(path_, "env_steps,beta\n1,2\n"));
  EXPECT_THAT(CsvWriter::Resume(path_, Columns(), 5),
              FailsWith(absl::StatusCode::kFailedPrecondition, "has other columns"));
  EXPECT_EQ(Text(), "env_steps,beta\n1,2\n");
}

// A run of an older program could not be resumed once there were new columns.
TEST_F(CsvWriterTest, ResumeAddsColumnsThatWereNotWrittenBefore) {
  ASSERT_OK(WriteFileAtomic(path_, "env_steps,alpha\n1,2\n3,4\n9,"));
  absl::StatusOr<CsvWriter> writer = CsvWriter::Resume(path_, Columns(), 5);
  ASSERT_OK(writer);
  EXPECT_EQ(Text(), absl::StrCat(kHeader, "1,,2\n3,,4\n"));
}

// metrics.csv of a run of before: new columns stand between its own.
TEST_F(CsvWriterTest, ResumeKeepsTheRowsOfAnOlderVersionWhereverItsColumnsStand) {
  const std::string old = "env_steps,critic_loss,alpha\n100,1.5,0.2\n200,,0.3\n300,1.25,";
  ASSERT_OK(WriteFileAtomic(path_, old));  // torn in its last row
  absl::StatusOr<CsvWriter> writer =
      CsvWriter::Resume(path_, {"env_steps", "cpu_s", "critic_loss", "policy_lag_s", "alpha"}, 300);
  ASSERT_OK(writer);
  ASSERT_OK(writer->Write({{"env_steps", 400}, {"cpu_s", 2.5}, {"alpha", 0.4}}));
  EXPECT_EQ(Text(),
            "env_steps,cpu_s,critic_loss,policy_lag_s,alpha\n100,,1.5,,0.2\n200,,,,0.3\n"
            "400,2.5,,,0.4\n");
}

TEST(AppendFileTest, AFullDiskIsAStatusThatSaysWhatToDo) {
  absl::StatusOr<AppendFile> file = AppendFile::Open("/dev/full");
  ASSERT_OK(file);
  EXPECT_THAT(file->Append("row\n"),
              FailsWith(absl::StatusCode::kResourceExhausted, "free some space"));
}

// A limit on the file's size stands in for the full disk: the write stops in the middle of the row.
TEST_F(CsvWriterTest, ARowThatDoesNotFitLeavesWholeRows) {
  absl::StatusOr<CsvWriter> writer = CsvWriter::Create(path_, Columns());
  ASSERT_OK(writer);
  ASSERT_OK(writer->Write({{"env_steps", 1000}}));
  const std::string whole = Text();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  tight.rlim_cur = whole.size() + 3;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const absl::Status status = writer->Write({{"env_steps", 2000}});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(status, FailsWith(absl::StatusCode::kResourceExhausted, "metrics.csv"));
  EXPECT_EQ(Text(), whole);
  ASSERT_OK(writer->Write({{"env_steps", 2000}}));
  EXPECT_EQ(Text(), absl::StrCat(whole, "2000,,\n"));
}

}  // namespace
}  // namespace pmoe
