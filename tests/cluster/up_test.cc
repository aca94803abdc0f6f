// `pmoe up` with real processes: it learns, it gives the embedded run's bits, it ends in order.
#include <filesystem>

#include "tests/cluster/cluster_testing.h"
#include "tests/testing/run_comparison.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class UpTest : public ::testing::Test {
 protected:
  ProcessResult Run(const std::string& command, const std::string& out,
                    std::vector<std::string> flags) {
    flags.insert(flags.begin(), {Binary("pmoe"), command, "--out", dir_.File(out)});
    return RunProcess(flags);
  }
  void ExpectSameRun(const std::string& a, const std::string& b, int steps) {
    pmoe::ExpectSameRun(dir_.File(a), dir_.File(b), steps);
  }
  double BestEvaluation(const std::string& run) { return pmoe::BestEvaluation(dir_.File(run)); }

  TempDir dir_;
};

// A random policy keeps the pendulum up for about 6 steps. Pilot seeds 1-5 of this configuration
// reached 90 to 1,000.
TEST_F(UpTest, InvertedPendulumLearnsAsync) {
  const ProcessResult result = Run("up", "run", {"--env",    "InvertedPendulum-v5",
                                                 "--actors", "2",
                                                 "--steps",  "6000",
                                                 "--set",    "policy.hidden=64,64",
                                                 "--set",    "observe.video=false",
                                                 "--set",    "learner.critic_hidden=64,64",
                                                 "--set",    "schedule.start_steps=500",
                                                 "--set",    "schedule.update_after=500",
                                                 "--set",    "observe.eval_every_steps=1000",
                                                 "--set",    "observe.eval_episodes=5"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_GT(BestEvaluation("run"), 40.0);
}

TEST_F(UpTest, AnAsyncClusterLearnsFromPrioritizedRows) {
  const ProcessResult result =
      Run("up", "run",
          SmallFlags("InvertedPendulum-v5",
                     {"--steps", "3000", "--actors", "2", "--set", "replay.selector=prioritized"}));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_GT(std::stoll(LastCell(dir_.File("run"), "updates")), 1000);
  const ProcessResult resumed =
      RunProcess({Binary("pmoe"), "up", "--resume", dir_.File("run"), "--steps", "3500"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.output;
}

TEST_F(UpTest, LockstepOverGrpcGivesTheEmbeddedRunsBits) {
  const std::vector<std::string> flags =
      SmallFlags("HalfCheetah-v5", {"--mode", "lockstep", "--steps", "1200", "--actors", "2",
                                    "--set", "checkpoint.every_steps=500"});
  ASSERT_EQ(Run("train", "embedded", flags).exit_code, 0);
  std::vector<std::string> unix_flags = flags, tcp_flags = flags;
  tcp_flags.push_back("--tcp");
  const ProcessResult over_unix = Run("up", "unix", unix_flags);
  ASSERT_EQ(over_unix.exit_code, 0) << over_unix.output;
  ExpectSameRun("embedded", "unix", 1200);
  const ProcessResult over_tcp = Run("up", "tcp", tcp_flags);
  ASSERT_EQ(over_tcp.exit_code, 0) << over_tcp.output;
  ExpectSameRun("embedded", "tcp", 1200);
  tcp_flags.push_back("--insecure");
  const ProcessResult plain = Run("up", "plain", tcp_flags);
  ASSERT_EQ(plain.exit_code, 0) << plain.output;
  ExpectSameRun("embedded", "plain", 1200);
}

class ResumedUpTest : public UpTest, public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Selectors, ResumedUpTest,
                         ::testing::Values("uniform", "prioritized", "lifo"));

TEST_P(ResumedUpTest, AStoppedLockstepClusterGoesOnBitForBit) {
  const std::vector<std::string> flags = SmallFlags(
      "HalfCheetah-v5", {"--mode", "lockstep", "--steps", "2000", "--actors", "2", "--set",
                         "schedule.lag=1", "--set", absl::StrCat("replay.selector=", GetParam())});
  ASSERT_EQ(Run("train", "embedded", flags).exit_code, 0);
  std::vector<std::string> up_flags = flags;
  up_flags.insert(up_flags.end(), {"--out", dir_.File("up")});
  Cluster cluster(dir_.File("up"), up_flags);
  ASSERT_TRUE(cluster.up().ReadUntil("  300/2,000"));
  cluster.up().Signal(SIGINT);
  const ProcessResult stopped = cluster.up().Wait();
  EXPECT_EQ(stopped.exit_code, 0) << stopped.output;
  EXPECT_THAT(stopped.output, HasSubstr("go on with: ./pmoe up --resume"));
  const ProcessResult resumed = RunProcess({Binary("pmoe"), "up", "--resume", dir_.File("up")});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  ExpectSameRun("embedded", "up", 2000);
}

TEST_F(UpTest, SeveralShardsHoldTheRunsRowsTogether) {
  const ProcessResult result =
      Run("up", "run",
          SmallFlags("HalfCheetah-v5", {"--steps", "1500", "--actors", "2", "--shards", "2"}));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  for (const char* shard : {"shard-0", "shard-1"}) {
    EXPECT_FALSE(fs::is_empty(dir_.File("run") + "/replay/" + shard)) << shard;
  }
}

TEST_F(UpTest, NothingIsLeftWhenUpItselfIsKilled) {
  Cluster cluster(dir_.File("run"), SmallFlags("HalfCheetah-v5", {"--steps", "100000", "--actors",
                                                                  "2", "--out", dir_.File("run")}));
  ASSERT_TRUE(Eventually([&] { return cluster.EnvSteps() > 300; }));
  const std::vector<pid_t> pids = cluster.Pids();
  ASSERT_EQ(pids.size(), 5u);
  cluster.up().Signal(SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    return std::none_of(pids.begin(), pids.end(), [](pid_t pid) { return IsAlive(pid); });
  }));
}

// The run ends, keeps all that was done before the lost round, and goes on from there.
TEST_F(UpTest, ALostActorCostsALockstepRunNoBit) {
  for (const std::string lag : {"0", "1"}) {
    const std::string up = dir_.File("up" + lag);
    const std::vector<std::string> flags = SmallFlags(
        "HalfCheetah-v5",
        {"--mode", "lockstep", "--steps", "3000", "--actors", "2", "--set", "schedule.lag=" + lag});
    ASSERT_EQ(Run("train", "embedded" + lag, flags).exit_code, 0);
    std::vector<std::string> up_flags = flags;
    up_flags.insert(up_flags.end(), {"--out", up});
    Cluster cluster(up, up_flags);
    ASSERT_TRUE(cluster.up().ReadUntil("  400/3,000"));
    ::kill(cluster.Find("actor 1").pid, SIGKILL);
    const ProcessResult lost = cluster.up().Wait();
    EXPECT_EQ(lost.exit_code, 1) << lost.output;
    EXPECT_THAT(lost.output, HasSubstr("lockstep run cannot go on without it"));
    ASSERT_FALSE(fs::is_empty(up + "/checkpoints")) << lost.output;
    const ProcessResult resumed = RunProcess({Binary("pmoe"), "up", "--resume", up});
    ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
    ExpectSameRun("embedded" + lag, "up" + lag, 3000);
  }
}

}  // namespace
}  // namespace pmoe
