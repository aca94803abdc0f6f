#include "dashboard/history.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace pmoe {
namespace {

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

TEST(HistoryTest, KeepsEveryRowWhileThereIsRoom) {
  History history({"env_steps", "alpha"});
  history.Add({1000.0, 0.5});
  history.Add({2000.0, kAbsent});
  EXPECT_EQ(history.points(), 2u);
  EXPECT_EQ(history.complete_points(), 2u);
  EXPECT_EQ(history.at(0, 1), 0.5);
  EXPECT_TRUE(std::isnan(history.at(1, 1)));
  EXPECT_EQ(history.latest(0), 2000.0);
  EXPECT_EQ(history.latest(1), 0.5);
}

TEST(HistoryTest, AMillionRowsStayBoundedAndSpanTheWholeRun) {
  History history({"env_steps", "alpha"});
  constexpr int kRows = 1'000'000;
  for (int i = 1; i <= kRows; ++i) history.Add({1000.0 * i, 1.0});
  EXPECT_LE(history.points(), History::kPointsMax);
  EXPECT_GT(history.points(), History::kPointsMax / 2);
  EXPECT_LT(history.at(0, 0), 1000.0 * kRows / 200);
  EXPECT_EQ(history.at(history.points() - 1, 0), 1000.0 * kRows);
  EXPECT_EQ(history.rows(), static_cast<uint64_t>(kRows));
}

TEST(HistoryTest, AMergedPointIsTheMeanOfItsRowsButStepsAreTheLastOnes) {
  History history({"env_steps", "alpha"});
  for (size_t i = 0; i <= History::kPointsMax; ++i) {
    history.Add({static_cast<double>(i), static_cast<double>(i)});
  }
  EXPECT_EQ(history.merges(), 1u);
  EXPECT_EQ(history.at(0, 0), 1.0);
  EXPECT_EQ(history.at(0, 1), 0.5);
  // The row that did not fit began a point that the next one completes.
  EXPECT_EQ(history.points(), History::kPointsMax / 2 + 1);
  EXPECT_EQ(history.complete_points(), History::kPointsMax / 2);
}

TEST(HistoryTest, ARareValueOutlivesMerges) {
  History history({"env_steps", "eval_return_mean"});
  for (int i = 0; i < 100'000; ++i) {
    history.Add({static_cast<double>(i), i % 1000 == 0 ? static_cast<double>(i) : kAbsent});
  }
  int evaluations = 0;
  for (size_t point = 0; point < history.points(); ++point) {
    evaluations += std::isnan(history.at(point, 1)) ? 0 : 1;
  }
  EXPECT_GE(evaluations, 100);
}

}  // namespace
}  // namespace pmoe
