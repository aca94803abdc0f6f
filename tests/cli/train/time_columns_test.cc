// The columns of metrics.csv that say where time went, of a run in one process.
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "tests/cli/train/train_testing.h"

namespace pmoe {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

using Cells = std::vector<std::string>;

std::vector<Cells> Table(const std::string& run) {
  std::vector<Cells> rows;
  const std::string text = ReadFile(run + "/metrics.csv").value_or("");
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    rows.emplace_back(absl::StrSplit(line, ','));
  }
  return rows;
}

// The last row by column; what is empty is not in it.
std::map<std::string, double> LastRow(const std::string& run) {
  const std::vector<Cells> table = Table(run);
  std::map<std::string, double> row;
  for (size_t i = 0; table.size() > 1 && i < table[0].size(); ++i) {
    double value = 0.0;
    if (absl::SimpleAtod(table.back().at(i), &value)) row[table[0][i]] = value;
  }
  return row;
}

class TimeColumnsTest : public TrainTest {
 protected:
  // Some seconds; a checkpoint within them and one at the end.
  static std::vector<std::string> Words(const std::string& mode,
                                        const std::string& steps = "2048") {
    std::vector<std::string> words = SmallRun("sac");
    for (std::string& word : words) {
      if (word == "256") word = steps;
      if (word == "checkpoint.every_steps=128") word = "checkpoint.every_steps=1024";
    }
    words.insert(words.end(), {"--mode", mode});
    return words;
  }
  // The shares of both threads, and what must hold of any run.
  static void ExpectWhole(std::map<std::string, double> row) {
    const double actor_s =
        row["time_env_s"] + row["time_policy_s"] + row["time_write_s"] + row["time_idle_s"];
    EXPECT_THAT(actor_s / row["wall_s"], AllOf(Ge(0.5), Le(1.1)));
    EXPECT_LE(row["time_blocked_s"], row["time_write_s"]);
    const double learner_s = row["time_replay_s"] + row["time_update_s"] + row["time_publish_s"] +
                             row["time_checkpoint_s"] + row["time_eval_wait_s"];
    EXPECT_THAT(learner_s / row["wall_s"], AllOf(Ge(0.1), Le(1.01)));
    EXPECT_GT(row["time_checkpoint_s"], 0.0);
    EXPECT_GT(row["time_publish_s"], 0.0);
    EXPECT_GT(row["cpu_s"], 0.0);
  }
};

TEST_F(TimeColumnsTest, OfALockstepRunTheyAddUpAndItsActorsWaitForTheLearner) {
  std::map<std::string, double> row = LastRow(MustTrain("run", Words("lockstep")));
  ExpectWhole(row);
  EXPECT_EQ(row.count("policy_lag_s"), 1u);
  EXPECT_DOUBLE_EQ(row["time_blocked_s"], 0.0);
  EXPECT_GT(row["time_idle_s"], row["time_env_s"]);
  EXPECT_GT(row["samples_per_insert"], 1.0);
}

TEST_F(TimeColumnsTest, OfAnAsyncRunTheyAddUpAndItsActorsWaitForRoom) {
  // Its actors report once a second: some seconds on a fast machine, too.
  std::map<std::string, double> row = LastRow(MustTrain("run", Words("async", "65536")));
  ExpectWhole(row);
  EXPECT_GT(row["time_blocked_s"], row["time_env_s"]);
}

// A run of before these columns goes on with them, and keeps its rows.
TEST_F(TimeColumnsTest, ARunWithoutThemIsResumedWithThem) {
  const std::string run = MustTrain("run", Words("lockstep", "1024"));
  std::vector<Cells> table = Table(run);
  Cells old;
  for (Cells& row : table) {
    Cells kept;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string& name = table.front()[i];
      const bool is_new = name == "time_blocked_s" || name == "time_idle_s" ||
                          name == "time_publish_s" || name == "time_checkpoint_s" ||
                          name == "time_eval_wait_s" || name == "cpu_s" || name == "gpu_s" ||
                          name == "policy_lag_s" || name == "samples_per_insert";
      if (!is_new) kept.push_back(row[i]);
    }
    old.push_back(absl::StrJoin(kept, ","));
  }
  ASSERT_TRUE(
      WriteFileAtomic(run + "/metrics.csv", absl::StrCat(absl::StrJoin(old, "\n"), "\n")).ok());
  const ProcessResult resumed = Train({"--resume", run, "--steps", "2048", "--dashboard", "none"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  const std::vector<Cells> now = Table(run);
  EXPECT_EQ(now.front(), table.front());
  EXPECT_GT(now.size(), table.size());
  EXPECT_EQ(now[1][0], table[1][0]);
  EXPECT_GT(LastRow(run)["cpu_s"], 0.0);
  EXPECT_THAT(old.front(), ::testing::Not(HasSubstr("cpu_s")));
}

}  // namespace
}  // namespace pmoe
