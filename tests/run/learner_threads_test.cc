#include "run/learner_threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/run_config.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

RunConfig Config(std::vector<std::string> sets) {
  ConfigSources sources;
  sources.sets = std::move(sets);
  absl::StatusOr<RunConfig> config = ResolveConfig(sources);
  EXPECT_OK(config.status());
  return *std::move(config);
}

TEST(LearnerThreadsTest, AreTheCoresThatNobodyUses) {
  const RunConfig sac = Config({"learner.batch_size=256"});
  EXPECT_EQ(ThreadsFor(sac, {2, 2, 0.1}), 2);
  EXPECT_EQ(ThreadsFor(sac, {4, 4, 0.0}), 4);
  EXPECT_EQ(ThreadsFor(sac, {4, 4, 2.7}), 1);
  EXPECT_EQ(ThreadsFor(sac, {2, 2, 9.0}), 1);
  // Of a large machine, four for this process: the others' load is on the others.
  EXPECT_EQ(ThreadsFor(sac, {4, 64, 50.0}), 4);
  EXPECT_EQ(ThreadsFor(sac, {4, 64, 62.0}), 2);
}

TEST(LearnerThreadsTest, LeaveActorsACoreThatActBesideIt) {
  EXPECT_EQ(ThreadsFor(Config({"schedule.lag=1", "learner.batch_size=256"}), {2, 2, 0.0}), 1);
  EXPECT_EQ(ThreadsFor(Config({"schedule.mode=async", "actor.count=2", "learner.batch_size=256"}),
                       {8, 8, 0.0}),
            5);
}

TEST(LearnerThreadsTest, AreNoMoreThanPayOff) {
  EXPECT_EQ(ThreadsFor(Config({"learner.batch_size=100"}), {64, 64, 0.0}), 2);
  EXPECT_EQ(ThreadsFor(Config({"learner.batch_size=4096"}), {64, 64, 0.0}), 8);
  EXPECT_EQ(ThreadsFor(Config({"algorithm=ppo"}), {64, 64, 0.0}), 1);
  EXPECT_EQ(ThreadsFor(Config({"learner.step=autograd"}), {64, 64, 0.0}), 1);
  EXPECT_EQ(ThreadsFor(Config({"learner.optimizer=sgd"}), {64, 64, 0.0}), 1);
}

TEST(LearnerThreadsTest, AreNotMeasuredForWhereSomebodyHasSetThem) {
  FakeClock clock;
  const Clock::Time before = clock.Now();
  EXPECT_GE(FreeCores(Config({"learner.threads=2"}), &clock).usable, 1);
  EXPECT_EQ(clock.Now(), before);
}

TEST(LearnerThreadsTest, AreRecordedAndSaid) {
  RunConfig config = Config({"learner.batch_size=256"});
  EXPECT_THAT(SettleLearnerThreads({2, 2, 0.0}, &config), HasSubstr("2 threads (2 cores, load 0)"));
  EXPECT_EQ(config.learner().threads(), 2);
  EXPECT_THAT(SettleLearnerThreads({2, 2, 0.0}, &config), IsEmpty());
}

TEST(LearnerThreadsTest, BeyondTheCoresAreSaidAndKept) {
  RunConfig config = Config({"learner.threads=16"});
  EXPECT_THAT(SettleLearnerThreads({2, 2, 0.0}, &config),
              HasSubstr("learner.threads is 16 on 2 cores"));
  EXPECT_EQ(config.learner().threads(), 16);
}

}  // namespace
}  // namespace pmoe
