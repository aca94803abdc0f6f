// `pmoe train --demos FILE`: reproducible, resumed with the same bits, and what a user hears of a
// file that cannot be demonstrations.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "tests/cli/train/train_testing.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kEnv[] = "InvertedPendulum-v5";

class DemosTest : public TrainTest {
 protected:
  static std::vector<std::string> Words(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"--env", kEnv, "--seed", "3", "--steps", "2000"};
    for (const char* set :
         {"schedule.start_steps=100", "schedule.update_after=100", "policy.hidden=16",
          "learner.critic_hidden=16", "learner.batch_size=32", "learner.threads=1",
          "observe.video=false", "observe.eval_every_steps=500", "observe.eval_episodes=2",
          "observe.log_every_steps=100", "checkpoint.every_steps=800"}) {
      words.insert(words.end(), {"--set", set});
    }
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  // The rows of a run, which any run of the task may have as demonstrations.
  std::string Demos() {
    return MustTrain("source", Words({"--set", "seed=9"})) + "/replay/2000.table";
  }
};

TEST_F(DemosTest, TwoEqualRunsGiveEqualBitsAndDemosChangeThem) {
  const std::string demos = Demos();
  const std::string a = MustTrain("a", Words({"--demos", demos}));
  const std::string b = MustTrain("b", Words({"--demos", demos}));
  ExpectSameRun(a, b, 2000);
  const std::string without = MustTrain("without", Words());
  EXPECT_NE(MetricsWithoutTimes(a), MetricsWithoutTimes(without));
  const std::string less =
      MustTrain("less", Words({"--demos", demos, "--set", "replay.demo_share=0.1"}));
  EXPECT_NE(MetricsWithoutTimes(a), MetricsWithoutTimes(less));
  // None of them is an env step.
  EXPECT_EQ(LastCell(a, "replay_size"), "2000");
  EXPECT_EQ(LastCell(a, "env_steps"), "2000");
  const ProcessResult verified = RunProcess({Binary("pmoe"), "run", "verify", a});
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
  EXPECT_THAT(verified.output, HasSubstr("tables/demos/2000"));
}

class ResumedDemosTest : public DemosTest, public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Selectors, ResumedDemosTest, ::testing::Values("uniform", "prioritized"));

// The file may be gone by then: its rows are in the checkpoint's table.
TEST_P(ResumedDemosTest, AStoppedAndResumedRunEqualsAnUninterruptedOne) {
  const std::string demos = Demos();
  const std::vector<std::string> more = {"--demos", demos, "--set",
                                         absl::StrCat("replay.selector=", GetParam())};
  const std::string whole = MustTrain("whole", Words(more));
  std::vector<std::string> parts = Words(more);
  parts.insert(parts.end(), {"--out", dir_.File("parts")});
  ChildProcess child(Command(parts));
  ASSERT_TRUE(child.ReadUntil("300/2,000"));
  child.Signal(SIGINT);
  const ProcessResult stopped = child.Wait();
  ASSERT_EQ(stopped.exit_code, 0) << stopped.output;
  ASSERT_THAT(stopped.output, HasSubstr("go on with"));
  fs::remove(demos);
  const ProcessResult resumed = Train({"--resume", dir_.File("parts")});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  ExpectSameRun(whole, dir_.File("parts"), 2000);
}

TEST_F(DemosTest, WithoutItsTableOfDemosACheckpointIsPassedOver) {
  const std::string run = MustTrain("run", Words({"--demos", Demos()}));
  fs::remove(run + "/replay/tables/demos/2000.table");
  const ProcessResult verified = RunProcess({Binary("pmoe"), "run", "verify", run});
  EXPECT_NE(verified.exit_code, 0);
  EXPECT_THAT(verified.output, HasSubstr("tables/demos/2000.table is missing"));
  const ProcessResult resumed = Train({"--resume", run, "--steps", "2100"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.output;
  EXPECT_THAT(resumed.output, HasSubstr("passed over the checkpoint at 2000"));
}

TEST_F(DemosTest, AnAsyncRunLearnsFromThemAndGoesOnWithThem) {
  const std::string demos = Demos();
  const std::string run = MustTrain("run", Words({"--demos", demos, "--mode", "async"}));
  EXPECT_GT(std::stoll(LastCell(run, "updates")), 500);
  EXPECT_TRUE(fs::exists(run + "/replay/tables/demos"));
  fs::remove(demos);
  const ProcessResult resumed = Train({"--resume", run, "--steps", "2500"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.output;
  EXPECT_THAT(resumed.output, Not(HasSubstr("demonstrations: "))) << "restored, not loaded twice";
}

TEST_F(DemosTest, WhatCannotBeIsSaidBeforeThereIsARun) {
  const std::string demos = Demos();
  const std::string out = dir_.File("none");
  const auto expect = [&](std::vector<std::string> more, const std::string& message) {
    more.insert(more.end(), {"--out", out});
    ExpectUsageError(Words(more), message);
    EXPECT_FALSE(fs::exists(out));
  };
  expect({"--demos", dir_.File("gone.npz")}, "replay.demos: cannot open " + dir_.File("gone.npz"));
  std::ofstream(dir_.File("text")) << "no rows";
  expect({"--demos", dir_.File("text")}, "is neither a saved table");
  expect({"--demos", demos, "--set", "env.id=HalfCheetah-v5"},
         demos + ": observations have 4 columns, the run's task has 17");
  expect({"--demos", demos, "--set", "replay.demo_share=1"},
         "replay.demo_share must be < 1, got 1");
  expect({"--demos", demos, "--set", "replay.demo_share=-1"}, "replay.demo_share must be >= 0");
  expect({"--demos", demos, "--set", "learner.batch_size=1"}, "learner.batch_size must be >= 2");
  expect({"--set", "replay.demo_share=0.3"}, "do nothing without replay.demos");
  expect({"--demos", demos, "--set", "replay.demo_actions=1,-1"}, "replay.demo_actions must be");
  const ProcessResult on_policy =
      Train({"--env", kEnv, "--algo", "ppo", "--demos", demos, "--out", out});
  EXPECT_EQ(on_policy.exit_code, 2) << on_policy.output;
  EXPECT_THAT(on_policy.output, HasSubstr("replay.demos"));
  EXPECT_THAT(on_policy.output, HasSubstr("does nothing with algorithm ppo"));
  EXPECT_FALSE(fs::exists(out));
}

TEST_F(DemosTest, AResumeNeitherAddsNorLeavesOutDemonstrations) {
  const std::string demos = Demos();
  const std::string run = MustTrain("run", Words({"--demos", demos}));
  EXPECT_THAT(Train({"--resume", run, "--steps", "2100", "--demos", ""}).output,
              HasSubstr("--resume cannot leave out demonstrations"));
  EXPECT_THAT(Train({"--resume", dir_.File("source"), "--steps", "2100", "--demos", demos}).output,
              HasSubstr("--resume cannot add demonstrations"));
  // Where the file lies may change.
  const ProcessResult moved =
      Train({"--resume", run, "--steps", "2100", "--demos", dir_.File("elsewhere.npz")});
  EXPECT_EQ(moved.exit_code, 0) << moved.output;
}

}  // namespace
}  // namespace pmoe
