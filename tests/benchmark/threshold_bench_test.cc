// Runs `pmoe bench threshold` without peers, with networks so small that a run takes seconds.
#include <signal.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/testing/paths.h"
#include "tests/testing/run_comparison.h"
#include "tests/testing/run_process.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr size_t kEvalReturn = 3;  // column of metrics.csv

void AddSets(const std::vector<std::string>& sets, std::vector<std::string>* words) {
  for (const std::string& set : sets) words->insert(words->end(), {"--set", set});
}

std::vector<std::string> Bench(const std::string& threshold) {
  std::vector<std::string> words = {
      Binary("pmoe-bench"), "threshold", "--no-peers", "--env", "InvertedPendulum-v5",
      "--threshold",        threshold,   "--steps",    "10000", "--only",
      "v5/sac_paper",       "--json"};
  return words;
}

const std::vector<std::string> kSmall = {"schedule.start_steps=500", "schedule.update_after=500",
                                         "policy.hidden=16,16", "learner.critic_hidden=16,16",
                                         "learner.batch_size=32"};

// The numbers of the row, after the lines of its progress.
nlohmann::json Measured(const std::string& threshold) {
  std::vector<std::string> words = Bench(threshold);
  AddSets(kSmall, &words);
  const ProcessResult result = RunProcess(words);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  const size_t begin = result.output.find('{');
  EXPECT_NE(begin, std::string::npos) << result.output;
  return nlohmann::json::parse(result.output.substr(begin), nullptr, /*allow_exceptions=*/false);
}

// Its oracle is one training in one go, evaluated on the way.
TEST(ThresholdBenchTest, EndsAtTheFirstEvaluationThatReachesItWithTheBitsOfOneTraining) {
  TempDir dir;
  std::vector<std::string> words = {Binary("pmoe-train"),
                                    "--env",
                                    "InvertedPendulum-v5",
                                    "--algo",
                                    "sac",
                                    "--steps",
                                    "10000",
                                    "--out",
                                    dir.File("run"),
                                    "--dashboard",
                                    "none"};
  AddSets(kSmall, &words);
  AddSets(
      {"observe.eval_action=argmax_mean", "observe.log_every_steps=5000", "observe.video=false"},
      &words);
  const ProcessResult trained = RunProcess(words);
  ASSERT_EQ(trained.exit_code, 0) << trained.output;
  const auto rows = MetricCells(dir.File("run"));
  ASSERT_EQ(rows.size(), 3u);  // the names, 5,000 and 10,000 env steps
  ASSERT_EQ(rows[0].at(kEvalReturn), "eval_return_mean");
  const std::string first = rows[1].at(kEvalReturn), second = rows[2].at(kEvalReturn);

  const nlohmann::json reached = Measured(first);
  EXPECT_EQ(reached.value("InvertedPendulum-v5/sac_paper.env_steps", 0.0), 5000.0);
  EXPECT_GT(reached.value("InvertedPendulum-v5/sac_paper.wall_s", 0.0), 0.0);
  EXPECT_GT(reached.value("InvertedPendulum-v5/sac_paper.cpu_s", 0.0), 0.0);

  const double best = std::max(std::stod(first), std::stod(second));
  const nlohmann::json missed = Measured(std::to_string(best + 1.0));
  EXPECT_EQ(missed.value("InvertedPendulum-v5/sac_paper.reached", -1.0), 0.0);
  EXPECT_FALSE(missed.contains("InvertedPendulum-v5/sac_paper.wall_s"));
  EXPECT_THAT(missed.value("InvertedPendulum-v5/sac_paper.best_return", 0.0),
              DoubleNear(best, 1e-5 * best));
}

// Hours may lie behind it.
TEST(ThresholdBenchTest, InterruptedItTellsOfTheSidesThatHaveRun) {
  std::vector<std::string> words = {
      Binary("pmoe-bench"),        "threshold",   "--no-peers", "--env",
      "InvertedPendulum-v5",       "--threshold", "1",          "--only",
      "v5/sac_paper,v5/sac_modern"};
  AddSets(kSmall, &words);
  ChildProcess bench(words);
  ASSERT_TRUE(bench.ReadUntil("sac_paper seed 1: 5000 env steps"));  // the next side has begun
  bench.Signal(SIGINT);
  const ProcessResult result = bench.Wait();
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("InvertedPendulum-v5 to 1"));
  EXPECT_THAT(result.output, HasSubstr("InvertedPendulum-v5/sac_paper  "));
  EXPECT_THAT(result.output, Not(HasSubstr("sac_modern")));
  EXPECT_THAT(result.output, HasSubstr("pmoe: interrupted"));
}

struct BadInput {
  std::vector<std::string> words;
  std::string message;
};

TEST(ThresholdBenchTest, BadInputIsRefusedWithItsFix) {
  for (const BadInput& bad : std::vector<BadInput>{
           {{"--env", "Reacher-v5"}, "--env Reacher-v5 needs a --threshold"},
           {{"--threshold", "9"}, "--threshold 9 needs an --env"},
           {{"--env", "Reacher-v5", "--threshold", "nan"}, "must be a finite return, got nan"},
           {{"--env", "plugin:x.so", "--threshold", "9"}, "add --no-peers"},
           {{"--only", "sacc"},
            "it must be part of HalfCheetah-v5/SIDE, SIDE one of sac_paper, sac_modern, "},
           {{"--no-peers", "--only", "v5/sac_paper", "--set", "learner.bacth=1"},
            "unknown setting learner.bacth"}}) {
    std::vector<std::string> words = {Binary("pmoe-bench"), "threshold"};
    words.insert(words.end(), bad.words.begin(), bad.words.end());
    const ProcessResult result = RunProcess(words);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr(bad.message));
  }
}

}  // namespace
}  // namespace pmoe
