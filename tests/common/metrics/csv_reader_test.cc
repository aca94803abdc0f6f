#include "common/metrics/csv_reader.h"

#include <cmath>

#include "gmock/gmock.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CsvReaderTest : public ::testing::Test {
 protected:
  void Feed(absl::string_view bytes) {
    decoder_.Feed(bytes, [this](absl::Span<const double> row) {
      rows_.emplace_back(row.begin(), row.end());
    });
  }

  CsvReader decoder_;
  std::vector<std::vector<double>> rows_;
};

TEST_F(CsvReaderTest, ReadsRowsOfTheHeadersColumns) {
  Feed("env_steps,alpha\n1000,0.5\n2000,1e-3\n");
  EXPECT_THAT(decoder_.columns(), ElementsAre("env_steps", "alpha"));
  EXPECT_THAT(rows_, ElementsAre(ElementsAre(1000, 0.5), ElementsAre(2000, 0.001)));
}

TEST_F(CsvReaderTest, ACutAnywhereChangesNothing) {
  for (const char c : std::string("env_steps,alpha\n1000,0.5\n")) Feed(std::string(1, c));
  EXPECT_THAT(rows_, ElementsAre(ElementsAre(1000, 0.5)));
}

TEST_F(CsvReaderTest, ALineWithoutItsEndIsNotARowYet) {
  Feed("env_steps,alpha\n1000,0.");
  EXPECT_THAT(rows_, IsEmpty());
}

TEST_F(CsvReaderTest, AnEmptyCellIsAbsentAndSoAreNanAndInfinity) {
  Feed("env_steps,a,b,c\n1,,nan,inf\n");
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_[0][0], 1.0);
  for (int i = 1; i < 4; ++i) EXPECT_TRUE(std::isnan(rows_[0][i]));
}

TEST_F(CsvReaderTest, LinesOfOtherShapesAreLeftOut) {
  Feed("env_steps,a\n1\n1,2,3\nx,2\n" + std::string(CsvReader::kLineMax + 1, '1') + "\n7,8\n");
  EXPECT_THAT(rows_, ElementsAre(ElementsAre(7, 8)));
}

TEST_F(CsvReaderTest, AnotherFilesHeaderIsRefused) {
  Feed("<html>,\n1,2\n");
  EXPECT_TRUE(decoder_.refused());
  EXPECT_THAT(rows_, IsEmpty());
}

TEST_F(CsvReaderTest, AHeaderOfTooManyColumnsIsRefused) {
  std::string header = "env_steps";
  for (size_t i = 0; i < CsvReader::kColumnsMax; ++i) header += ",a";
  Feed(header + "\n");
  EXPECT_TRUE(decoder_.refused());
}

}  // namespace
}  // namespace pmoe
