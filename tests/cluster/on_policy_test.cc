// On-policy clusters with real processes: the embedded run's bits in lockstep; in async it learns,
// survives its actors and resumes.

#include "tests/cluster/cluster_testing.h"
#include "tests/testing/run_comparison.h"

namespace pmoe {
namespace {

std::vector<std::string> Flags(const std::string& algorithm, const std::vector<std::string>& more) {
  std::vector<std::string> flags = {
      "--env", "InvertedPendulum-v5", "--algo", algorithm, "--seed", "3", "--actors", "2"};
  for (const char* set :
       {"actor.envs=2", "policy.hidden=32,32", "learner.critic_hidden=32,32",
        "schedule.steps_per_round=256", "learner.epochs=4", "observe.eval_every_steps=1000",
        "observe.eval_episodes=2", "observe.video=false", "observe.log_every_steps=256"}) {
    flags.insert(flags.end(), {"--set", set});
  }
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

class OnPolicyTest : public ::testing::Test {
 protected:
  ProcessResult Run(const std::string& command, const std::string& out,
                    std::vector<std::string> flags) {
    flags.insert(flags.begin(), {Binary("pmoe"), command, "--out", dir_.File(out)});
    return RunProcess(flags);
  }
  // Of `pmoe status`, the number of transitions that replay's member has ever inserted.
  static bool Progresses(const Cluster& cluster) {
    const int64_t updates = cluster.Updates();
    return Eventually([&] { return cluster.Updates() > updates + 100; });
  }

  TempDir dir_;
};

TEST_F(OnPolicyTest, LockstepRolloutsOverGrpcGiveTheEmbeddedRunsBits) {
  const std::vector<std::string> flags =
      Flags("pmoe_ppo", {"--mode", "lockstep", "--steps", "2048"});
  ASSERT_EQ(Run("train", "embedded", flags).exit_code, 0);
  const ProcessResult up = Run("up", "up", flags);
  ASSERT_EQ(up.exit_code, 0) << up.output;
  ExpectSameRun(dir_.File("embedded"), dir_.File("up"), 2048);
}

TEST_F(OnPolicyTest, RolloutsThatAreActedBesideTheUpdatesGiveTheSameBitsOverGrpc) {
  const std::vector<std::string> flags =
      Flags("pmoe_ppo", {"--mode", "lockstep", "--steps", "1024", "--set", "schedule.lag=1"});
  ASSERT_EQ(Run("train", "embedded", flags).exit_code, 0);
  const ProcessResult up = Run("up", "up", flags);
  ASSERT_EQ(up.exit_code, 0) << up.output;
  ExpectSameRun(dir_.File("embedded"), dir_.File("up"), 1024);
}

TEST_F(OnPolicyTest, DacsOptionsGiveTheSameBitsOverGrpc) {
  const std::vector<std::string> flags = Flags("dac", {"--mode", "lockstep", "--steps", "1024"});
  ASSERT_EQ(Run("train", "embedded", flags).exit_code, 0);
  const ProcessResult up = Run("up", "up", flags);
  ASSERT_EQ(up.exit_code, 0) << up.output;
  ExpectSameRun(dir_.File("embedded"), dir_.File("up"), 1024);
}

// A random policy keeps the pendulum up for about 6 steps.
TEST_F(OnPolicyTest, InvertedPendulumLearnsAsync) {
  const ProcessResult result =
      Run("up", "run", Flags("ppo", {"--preset", "cleanrl", "--steps", "30000"}));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_GT(BestEvaluation(dir_.File("run")), 40.0);
  EXPECT_LT(std::stoll(LastCell(dir_.File("run"), "rows_dropped")), 3000);
}

TEST_F(OnPolicyTest, AKilledActorsShareOfTheRolloutIsTakenOver) {
  Cluster cluster(dir_.File("run"),
                  Flags("pmoe_ppo", {"--steps", "10000000", "--out", dir_.File("run")}));
  ASSERT_TRUE(Eventually([&] { return cluster.Updates() > 100; }));
  cluster.KillAndAwaitRestart("actor 0");
  EXPECT_TRUE(Progresses(cluster));
  cluster.up().Signal(SIGINT);
  const ProcessResult stopped = cluster.up().Wait();
  EXPECT_EQ(stopped.exit_code, 0) << stopped.output;
  const ProcessResult resumed =
      RunProcess({Binary("pmoe"), "up", "--resume", dir_.File("run"), "--steps",
                  absl::StrCat(std::stoll(LastCell(dir_.File("run"), "env_steps")) + 1000)});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.output;
}

TEST_F(OnPolicyTest, AKilledReplayOrLearnerComesBackAndTheRunGoesOn) {
  Cluster cluster(dir_.File("run"), Flags("ppo", {"--steps", "10000000", "--out", dir_.File("run"),
                                                  "--set", "checkpoint.every_seconds=1"}));
  ASSERT_TRUE(Eventually([&] { return cluster.Updates() > 100; }));
  cluster.KillAndAwaitRestart("replay 0");
  EXPECT_TRUE(Progresses(cluster));
  cluster.KillAndAwaitRestart("learner");
  ASSERT_TRUE(Eventually([&] { return cluster.StatusNumber("learner_epoch") == 2; }));
  EXPECT_TRUE(Progresses(cluster));
}

}  // namespace
}  // namespace pmoe
