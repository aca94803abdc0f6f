// Seconds over restarts, marks, summaries.

#include "dashboard/run_files.h"

#include <filesystem>
#include <limits>

#include "dashboard/run_summary.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/dashboard/dashboard_testing.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

TEST(RunTotalsTest, ADecreaseIsAProcessThatBeganAnew) {
  RunTotals totals({"env_steps", "wall_s", "cpu_s"});
  std::vector<std::vector<double>> rows = {
      {1, 10, 40}, {2, 20, 80}, {3, 5, 20}, {4, std::numeric_limits<double>::quiet_NaN(), 30}};
  for (std::vector<double>& row : rows) totals.Apply(&row);
  EXPECT_EQ(rows[1][1], 20);
  EXPECT_EQ(rows[2][1], 25);
  EXPECT_EQ(rows[2][2], 100);
  EXPECT_TRUE(std::isnan(rows[3][1]));
  EXPECT_EQ(rows[3][2], 110);
}

// The cost of the last process alone was taken for that of all steps.
TEST(RunTotalsTest, AProcessThatDidNotSayAColumnLeavesTheTotalUnknown) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  RunTotals totals({"env_steps", "wall_s", "cpu_s", "time_env_s"});
  std::vector<std::vector<double>> rows = {
      {100, 60, nan, nan}, {200, 3, 70, 2}, {300, 4, 60, 2}, {400, 1, 90, 5}};
  for (std::vector<double>& row : rows) totals.Apply(&row);
  EXPECT_EQ(rows[1][1], 63);
  EXPECT_TRUE(std::isnan(rows[1][2]));
  EXPECT_EQ(rows[3][1], 65);
  EXPECT_TRUE(std::isnan(rows[3][2]));
  EXPECT_EQ(totals.Known("cpu_s"), std::nullopt);
  EXPECT_EQ(totals.Known("wall_s"), 65);
  // Within a process it does not fall; another process begins with wall_s, however high the rest.
  EXPECT_EQ(rows[2][3], 2);
  EXPECT_EQ(rows[3][3], 7);
}

TEST(RunMarksTest, KnowsWhatTheLogSays) {
  RunMarks marks;
  marks.AddLine("2026-11-30 14:11:15 learner epoch 1");
  marks.AddLine("2026-11-30 14:11:15 12 actors joined at 0 env steps");
  marks.AddLine("2026-11-30 14:11:16 actor 3 is gone at 1200 env steps");
  marks.AddLine("2026-11-30 14:11:20 evaluation at 1002 env steps: return 12 +- 0");
  marks.AddLine("2026-11-30 14:11:20 checkpoint at 1002 env steps, replay 8");
  marks.AddLine("2026-11-30 14:12:20 resumed at 1002 env steps");
  const auto read = nlohmann::json::parse(marks.Json());
  ASSERT_EQ(read.size(), 4u);
  EXPECT_EQ(read[0].dump(), R"({"env_steps":0,"kind":"joined","text":"12 actors joined"})");
  EXPECT_EQ(read[1].dump(), R"({"env_steps":1200,"kind":"gone","text":"actor 3 is gone"})");
  EXPECT_EQ(read[2]["kind"], "checkpoint");
  EXPECT_EQ(read[3]["kind"], "restart");
}

TEST(RunMarksTest, LinesOfNonsenseAreNoMarks) {
  RunMarks marks;
  for (const char* line :
       {"", "x", " at 5 env steps", "2026-11-30 14:11:15 ", "2026-11-30 14:11:15 checkpoint",
        "2026-11-30 14:11:15 checkpoint at many env steps",
        "2026-11-30 14:11:15 checkpoint at 99999999999999999999999 env steps",
        "2026-11-30 14:11:15 <b>actor</b> sleeps at 5 env steps"}) {
    marks.AddLine(line);
  }
  EXPECT_EQ(marks.Json(), "[]");
}

TEST(RunMarksTest, StaysBoundedAndGivesUpCheckpointsFirst) {
  RunMarks marks;
  marks.AddLine("2026-11-30 14:11:15 actor 0 joined at 0 env steps");
  for (int i = 0; i < 100'000; ++i) {
    marks.AddLine(absl::StrCat("2026-11-30 14:11:15 checkpoint at ", i, " env steps"));
  }
  EXPECT_LE(marks.marks().size(), RunMarks::kMarksMax);
  EXPECT_EQ(marks.marks().front().kind, "joined");
  EXPECT_EQ(marks.marks().back().env_steps, 99'999u);
}

class SummaryTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) const { Append(dir_.File("metrics.csv"), text); }
  RunSummary Read(std::optional<double> target = std::nullopt) const {
    SummaryReader reader(dir_.File("metrics.csv"), target);
    EXPECT_TRUE(reader.Read(1 << 30).all);
    return reader.summary();
  }

  TempDir dir_;
};

TEST_F(SummaryTest, HasTheNewestAndTheBestAndTheSecondsOfAllProcesses) {
  Write("env_steps,wall_s,eval_return_mean,cpu_s\n1000,10,5,40\n2000,20,9,80\n3000,4,7,16\n");
  const RunSummary summary = Read(8.0);
  EXPECT_EQ(summary.env_steps, 3000);
  EXPECT_EQ(summary.last_return, 7);
  EXPECT_EQ(summary.best_return, 9);
  EXPECT_EQ(summary.wall_s, 24);
  EXPECT_EQ(summary.target_env_steps, 2000);
  EXPECT_EQ(summary.target_cpu_s, 80);
}

TEST_F(SummaryTest, AnOlderFileLeavesUnknownWhatItDoesNotHave) {
  Write("env_steps,eval_return_mean\n1000,-5\n2000,\n");
  const RunSummary summary = Read();
  EXPECT_EQ(summary.last_return, -5);
  EXPECT_EQ(summary.best_return, -5);
  EXPECT_FALSE(summary.cpu_s.has_value());
  EXPECT_FALSE(summary.wall_s.has_value());
}

TEST_F(SummaryTest, AFileThatIsCutAndGrowsIsReadOnFromThere) {
  Write("env_steps,eval_return_mean\n1000,5\n2000,6");
  SummaryReader reader(dir_.File("metrics.csv"), std::nullopt);
  EXPECT_TRUE(reader.Read(1 << 20).all);
  EXPECT_EQ(reader.summary().env_steps, 1000);
  Write("5\n3000,7\n");
  EXPECT_TRUE(reader.Read(1 << 20).all);
  EXPECT_EQ(reader.summary().best_return, 65);
  EXPECT_EQ(reader.summary().env_steps, 3000);
  std::filesystem::remove(dir_.File("metrics.csv"));
  Write("env_steps,eval_return_mean\n10,1\n");
  EXPECT_TRUE(reader.Read(1 << 20).all);
  EXPECT_EQ(reader.summary().best_return, 1);
}

TEST_F(SummaryTest, ABigFileIsReadInPieces) {
  Write("env_steps,eval_return_mean\n");
  std::string rows;
  for (int i = 1; i <= 300'000; ++i) absl::StrAppend(&rows, i, ",", i, "\n");
  Write(rows);
  SummaryReader reader(dir_.File("metrics.csv"), std::nullopt);
  EXPECT_FALSE(reader.Read(1).all);
  int pieces = 1;
  while (!reader.Read(1).all) ++pieces;
  EXPECT_GT(pieces, 1);
  EXPECT_EQ(reader.summary().env_steps, 300'000);
}

TEST_F(SummaryTest, SecondsThatOneProcessDidNotSayAreUnknown) {
  Write("env_steps,wall_s,cpu_s,gpu_s\n100,60,50,\n200,3,,\n");
  EXPECT_FALSE(Read().cpu_s.has_value());
  Write("300,5,70,0\n");
  EXPECT_EQ(Read().cpu_s, 120);
  EXPECT_FALSE(Read().gpu_s.has_value());
}

TEST(SummaryBookTest, AnotherAimOfARunIsLookedForInAllOfIt) {
  TempDir dir;
  MakeRun(dir.File("a"));
  MakeRun(dir.File("b"));
  RunCatalog catalog({{dir.path(), 1}});
  std::vector<RunEntry> runs = catalog.List();
  SummaryBook book;
  const auto of_a = [&](double target) {
    for (RunEntry& run : runs) run.facts.target_return = target;
    return nlohmann::json::parse(book.Json(runs, {"a"}))["runs"];
  };
  EXPECT_FALSE(of_a(6)["a"].contains("target_env_steps"));
  EXPECT_TRUE(of_a(5)["a"].contains("target_env_steps"));
  EXPECT_FALSE(of_a(5).contains("b"));
}

TEST(SummaryBookTest, OneDamagedRunAmongAHundredHidesNoOther) {
  TempDir dir;
  for (int i = 0; i < 100; ++i) MakeRun(dir.File(absl::StrCat("run", i)));
  std::filesystem::remove(dir.File("run7/metrics.csv"));
  Append(dir.File("run7/metrics.csv"), std::string("\0\xff,,,\n\n1,2,3", 12));
  Append(dir.File("run7/config.textproto"), "{{{");
  RunCatalog catalog({{dir.path(), 1}});
  SummaryBook book;
  const auto answer = nlohmann::json::parse(book.Json(catalog.List()));
  EXPECT_EQ(answer["pending"], 0);
  ASSERT_EQ(answer["runs"].size(), 100u);
  EXPECT_EQ(answer["runs"]["run7"].dump(), "{}");
  EXPECT_EQ(answer["runs"]["run8"]["best_return"], 5);
}

}  // namespace
}  // namespace pmoe
