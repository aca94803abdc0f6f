#include "actor/evaluation_trace.h"

#include <gtest/gtest.h>

#include <sstream>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "tests/actor/policy_testing.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

constexpr int kEpisodes = 13;  // more than one evaluator plays at once

// Plays in `parts` threads; the table's text.
std::string Traced(int parts) {
  const TempDir dir;
  const std::string path = dir.File("trace.csv");
  const auto trace = EvaluationTrace::Create(path, CheetahPolicy());
  EXPECT_OK(trace);
  {
    std::vector<std::jthread> threads;
    for (int part = 0; part < parts; ++part) {
      threads.emplace_back([&, part] {
        const auto evaluator = Evaluator::Create(
            {.episodes = kEpisodes, .part = part, .parts = parts}, CheetahPolicy(),
            []() -> absl::StatusOr<std::unique_ptr<Env>> { return MakeCheetah(); });
        (*evaluator)->Observe([&](const EvaluatedStep& step) { (*trace)->Add(step); });
        EXPECT_OK((*evaluator)->Play(CheetahSnapshot(1), 0, [] { return false; }));
      });
    }
  }
  EXPECT_OK((*trace)->Close());
  return *ReadFile(path);
}

TEST(EvaluationTraceTest, ThreadsChangeNoByte) { EXPECT_EQ(Traced(2), Traced(1)); }

TEST(EvaluationTraceTest, HoldsEveryStepInOrder) {
  std::istringstream text(Traced(1));
  std::string line;
  ASSERT_TRUE(std::getline(text, line));
  const std::vector<std::string> names = absl::StrSplit(line, ',');
  const PolicySpec policy = CheetahPolicy();
  EXPECT_EQ(names.size(), 7u + 2 + 2 * 6 + 6 + 17);
  for (int episode = 0; episode < kEpisodes; ++episode) {
    for (int step = 1; step <= kEpisodeSteps; ++step) {
      ASSERT_TRUE(std::getline(text, line));
      const std::vector<std::string> cells = absl::StrSplit(line, ',');
      ASSERT_EQ(cells.size(), names.size());
      EXPECT_EQ(std::stoi(cells[0]), episode);
      EXPECT_EQ(std::stoi(cells[2]), step);
      EXPECT_EQ(cells[5], step == kEpisodeSteps ? "1" : "0");
      EXPECT_NEAR(std::stod(cells[7]) + std::stod(cells[8]), 1.0, 1e-6);
      // The action is the chosen primitive's mean: the cheetah's bounds are those of the policy.
      const size_t chosen = std::stoi(cells[6]);
      for (size_t j = 0; j < 6; ++j) {
        EXPECT_NEAR(std::stod(cells[21 + j]), std::stod(cells[9 + 6 * chosen + j]), 1e-6);
      }
    }
  }
  EXPECT_FALSE(std::getline(text, line));
}

TEST(EvaluationTraceTest, AFolderThatIsNotThereIsNamed) {
  EXPECT_THAT(EvaluationTrace::Create("/nowhere/trace.csv", CheetahPolicy()),
              FailsWith(absl::StatusCode::kNotFound, "/nowhere/trace.csv"));
}

}  // namespace
}  // namespace pmoe
