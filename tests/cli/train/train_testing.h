// pmoe-train as a user runs it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "tests/testing/paths.h"
#include "tests/testing/run_comparison.h"
#include "tests/testing/run_process.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {

// Flags of a run of 256 steps with two checkpoints and their tables.
inline std::vector<std::string> SmallRun(const std::string& algorithm) {
  std::vector<std::string> words = {"--env",   "InvertedPendulum-v5", "--steps", "256", "--algo",
                                    algorithm, "--dashboard",         "none"};
  for (const char* set :
       {"policy.hidden=8", "learner.critic_hidden=8", "checkpoint.every_steps=128",
        "observe.video=false", "observe.eval_episodes=1", "observe.log_every_steps=64",
        "observe.eval_every_steps=128", "schedule.steps_per_round=64"}) {
    words.insert(words.end(), {"--set", set});
  }
  const std::vector<std::string> own =
      algorithm == "sac"
          ? std::vector<std::string>{"schedule.start_steps=64", "schedule.update_after=64"}
          : std::vector<std::string>{"learner.epochs=1", "learner.batch_size=32"};
  for (const std::string& set : own) words.insert(words.end(), {"--set", set});
  return words;
}

class TrainTest : public ::testing::Test {
 protected:
  static std::vector<std::string> Command(std::vector<std::string> words,
                                          const std::vector<std::string>& more = {}) {
    words.insert(words.begin(), Binary("pmoe-train"));
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  ProcessResult Train(std::vector<std::string> words, const std::vector<std::string>& more = {}) {
    return RunProcess(Command(std::move(words), more));
  }

  // Trains into a folder of that name and expects success.
  std::string MustTrain(const std::string& name, std::vector<std::string> words,
                        const std::vector<std::string>& more = {}) {
    const std::string out = dir_.File(name);
    words.insert(words.end(), {"--out", out});
    const ProcessResult result = Train(words, more);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return out;
  }

  void ExpectUsageError(const std::vector<std::string>& words, const std::string& message) {
    const ProcessResult result = Train(words);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, ::testing::HasSubstr(message));
  }

  TempDir dir_;
};

}  // namespace pmoe
