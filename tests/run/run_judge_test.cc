#include "run/run_judge.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/config/run_config.h"
#include "common/verdict/verdict.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

double NoMachine() { return 0.0; }

// An async run of four actors that wait for the learner three quarters of their time.
class RunJudgeTest : public ::testing::Test {
 protected:
  static RunConfig Config() {
    ConfigSources sources;
    sources.sets = {"env.id=HalfCheetah-v5",    "schedule.mode=async", "actor.count=4",
                    "learner.threads=1",        "algorithm=sac",       "schedule.update_after=1000",
                    "schedule.start_steps=1000"};
    return *ResolveConfig(sources);
  }

  RunJudgeTest() {
    status_.set_state("running");
    status_.set_env_steps(5000);
    status_.set_updates(4000);
    status_.set_env_steps_per_s(400.0);
    status_.set_updates_per_s(400.0);
    status_.mutable_time()->set_update(0.95);
    status_.mutable_time()->set_publish(0.05);
    status_.mutable_process()->set_host("a");
    SetUse(0.0, status_.mutable_usage());
    for (uint32_t index = 0; index < 4; ++index) {
      MemberStatus* const actor = Add(RUN_ROLE_ACTOR, index);
      actor->mutable_rates()->set_env_steps_per_s(100.0);
      ActorTime* const time = actor->mutable_rates()->mutable_time();
      time->set_env(0.2);
      time->set_policy(0.05);
      time->set_blocked(0.75);
    }
    Add(RUN_ROLE_REPLAY, 0);
  }

  MemberStatus* Add(RunRole role, uint32_t index) {
    MemberStatus* const member = status_.add_members();
    member->set_role(role);
    member->set_index(index);
    member->set_connected(true);
    member->mutable_process()->set_host("a");
    SetUse(0.0, member->mutable_usage());
    return member;
  }

  static void SetUse(double cpu_s, ProcessUsage* usage) {
    usage->set_cores(8);
    usage->set_cpu_s(cpu_s);
  }

  // Twelve seconds in which nothing changes but the CPU time that everybody uses.
  VerdictMessage Steadily(RunJudge* judge) {
    VerdictMessage verdict;
    for (int second = 0; second <= 12; ++second) {
      SetUse(1.0 * second, status_.mutable_usage());
      for (MemberStatus& member : *status_.mutable_members()) {
        SetUse(0.2 * second, member.mutable_usage());
      }
      verdict = judge->Judge(status_);
      clock_.Advance(std::chrono::seconds(1));
    }
    return verdict;
  }

  FakeClock clock_;
  const RunConfig config_ = Config();
  RunStatus status_;
  RunJudge judge_{config_, RunJudge::Processes::kSeveral, &clock_, NoMachine};
};

TEST_F(RunJudgeTest, JudgesWhatMembersSay) {
  const VerdictMessage verdict = Steadily(&judge_);
  EXPECT_EQ(verdict.bottleneck(), "learner");
  EXPECT_THAT(verdict.text(),
              StartsWith("The learner is the bottleneck: actors wait 75 % of the time. More actors "
                         "will not help; a second learner thread would give up to 1."));
  ASSERT_EQ(verdict.gains_size(), 3);
  EXPECT_EQ(verdict.gains(0).change(), "one more actor");
  EXPECT_NEAR(verdict.gains(0).factor(), 1.0, 0.02);
}

TEST_F(RunJudgeTest, WaitsForTenSteadySeconds) {
  EXPECT_THAT(judge_.Judge(status_).text(), HasSubstr("ten seconds are needed"));
  EXPECT_EQ(Steadily(&judge_).bottleneck(), "learner");
  status_.mutable_members(0)->set_connected(false);
  EXPECT_THAT(judge_.Judge(status_).bottleneck(), IsEmpty()) << "one of four actors has left";
}

TEST_F(RunJudgeTest, SaysThatTheRunWarmsUp) {
  status_.set_env_steps(999);
  EXPECT_EQ(Steadily(&judge_).text(), "Not known yet: this is the warm-up, until 1000 env steps.");
}

TEST_F(RunJudgeTest, SaysThatReplayIsAway) {
  status_.mutable_members(4)->set_connected(false);
  EXPECT_EQ(Steadily(&judge_).text(), "Not known yet: replay 0 is away.");
}

TEST_F(RunJudgeTest, SaysThatTheLimiterIsPaused) {
  status_.mutable_members(4)->mutable_table()->set_limiter("3 rows inserted; paused by an admin");
  EXPECT_EQ(Steadily(&judge_).text(), "Not known yet: the limiter is paused.");
}

TEST_F(RunJudgeTest, SaysThatTheRunWaits) {
  status_.set_state("waiting for an actor");
  EXPECT_EQ(Steadily(&judge_).text(), "Not known yet: the run is waiting for an actor.");
}

TEST_F(RunJudgeTest, KnowsNothingOfMembersOfAnOlderBuild) {
  for (MemberStatus& member : *status_.mutable_members()) member.mutable_rates()->clear_time();
  EXPECT_EQ(Steadily(&judge_).text(),
            "Not known yet: 0 of 4 actors say how they spend their time.");
}

TEST_F(RunJudgeTest, CountsTheCoresOfEachMachine) {
  for (const int actor : {1, 2, 3}) {
    status_.mutable_members(actor)->mutable_process()->set_host(actor == 1 ? "b" : "c");
  }
  Steadily(&judge_);
  const RunMeasure measure = judge_.MeasureOf(status_);
  EXPECT_EQ(measure.cores_here, 8.0);
  EXPECT_EQ(measure.machines_elsewhere, 2);
  EXPECT_EQ(measure.cores_elsewhere, 16.0);
  EXPECT_TRUE(measure.actors[0].here);
  EXPECT_FALSE(measure.actors[1].here);
  EXPECT_NEAR(*measure.learner.cpu_cores, 1.0, 0.11);
  EXPECT_NEAR(measure.replay_cores, 0.2, 0.03);
}

TEST_F(RunJudgeTest, ContainersOfOneMachineShareItsCores) {
  status_.mutable_process()->set_machine("one");
  for (MemberStatus& member : *status_.mutable_members()) {
    member.mutable_process()->set_host(absl::StrCat("container ", member.index()));
    member.mutable_process()->set_machine("one");
  }
  Steadily(&judge_);
  const RunMeasure measure = judge_.MeasureOf(status_);
  EXPECT_EQ(measure.machines_elsewhere, 0);
  for (const ActorMeasure& actor : measure.actors) EXPECT_TRUE(actor.here);
  EXPECT_NEAR(measure.replay_cores, 0.2, 0.03);
}

TEST_F(RunJudgeTest, LeavesProcessesSharedWithOtherRunsOutOfTheCores) {
  RunJudge judge(config_, RunJudge::Processes::kShared, &clock_, NoMachine);
  EXPECT_EQ(Steadily(&judge).bottleneck(), "learner");
  EXPECT_FALSE(judge.MeasureOf(status_).learner.cpu_cores.has_value());
}

TEST_F(RunJudgeTest, IsDueOnceASecond) {
  EXPECT_TRUE(judge_.Due());
  judge_.Judge(status_);
  EXPECT_FALSE(judge_.Due());
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(judge_.Due());
}

TEST_F(RunJudgeTest, TakesNoNumberOfAPeerForGranted) {
  ActorRates* const rates = status_.mutable_members(1)->mutable_rates();
  rates->set_env_steps_per_s(std::numeric_limits<double>::infinity());
  rates->mutable_time()->set_blocked(std::numeric_limits<double>::quiet_NaN());
  const VerdictMessage verdict = Steadily(&judge_);
  EXPECT_EQ(verdict.bottleneck(), "learner");
  for (const GainMessage& gain : verdict.gains()) EXPECT_LE(gain.factor(), kGainMax);
}

}  // namespace
}  // namespace pmoe
