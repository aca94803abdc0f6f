// Demonstrations in a cluster: the embedded run's bits in lockstep, a part of the file on each
// shard in async, and none of it lost or doubled by kill -9.
#include <filesystem>

#include "tests/cluster/cluster_testing.h"
#include "tests/testing/run_comparison.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr char kEnv[] = "InvertedPendulum-v5";

class ClusterDemosTest : public ::testing::Test {
 protected:
  ProcessResult Run(const std::string& command, const std::string& out,
                    std::vector<std::string> flags) {
    flags.insert(flags.begin(), {Binary("pmoe"), command, "--out", dir_.File(out)});
    return RunProcess(flags);
  }
  // The 1,000 rows of a run.
  std::string Demos() {
    const ProcessResult result = Run("train", "source", SmallFlags(kEnv, {"--steps", "1000"}));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return dir_.File("source/replay/1000.table");
  }
  // What the shards say of their tables of demonstrations, together.
  static int64_t DemoRows(const Cluster& cluster, const char* count) {
    const nlohmann::json status = cluster.Status();
    int64_t rows = 0;
    if (status.is_null()) return -1;
    for (const auto& member : status["members"]) {
      if (!member.contains("table") || !member["table"].contains("tables")) continue;
      for (const auto& table : member["table"]["tables"]) {
        if (table.value("name", "") != "demos" || !table.contains(count)) continue;
        rows += std::stoll(table[count].get<std::string>());
      }
    }
    return rows;
  }

  TempDir dir_;
};

TEST_F(ClusterDemosTest, LockstepGivesTheEmbeddedRunsBitsStoppedAndResumedToo) {
  const std::string demos = Demos();
  const std::vector<std::string> flags =
      SmallFlags(kEnv, {"--mode", "lockstep", "--steps", "1200", "--actors", "2", "--demos", demos,
                        "--set", "checkpoint.every_steps=500"});
  ASSERT_EQ(Run("train", "embedded", flags).exit_code, 0);
  std::vector<std::string> up_flags = flags;
  up_flags.insert(up_flags.end(), {"--out", dir_.File("up")});
  Cluster cluster(dir_.File("up"), up_flags);
  ASSERT_TRUE(cluster.up().ReadUntil("  300/1,200"));
  cluster.up().Signal(SIGINT);
  const ProcessResult stopped = cluster.up().Wait();
  EXPECT_EQ(stopped.exit_code, 0) << stopped.output;
  EXPECT_THAT(stopped.output, HasSubstr("go on with: ./pmoe up --resume"));
  fs::remove(demos);
  const ProcessResult resumed = RunProcess({Binary("pmoe"), "up", "--resume", dir_.File("up")});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
  ExpectSameRun(dir_.File("embedded"), dir_.File("up"), 1200);
}

TEST_F(ClusterDemosTest, EachShardOfAnAsyncRunHasAPartAndAKillCostsNone) {
  const std::string demos = Demos();
  const std::string out = dir_.File("up");
  std::vector<std::string> flags =
      SmallFlags(kEnv, {"--steps", "100000000", "--shards", "2", "--demos", demos, "--out", out,
                        "--dashboard", "none"});
  Cluster cluster(out, flags);
  ASSERT_TRUE(Eventually([&] { return DemoRows(cluster, "loaded") == 1000; }));
  ASSERT_TRUE(Eventually([&] { return DemoRows(cluster, "sampled") > 1000; }));
  fs::remove(demos);  // what is in the tables needs it no more
  for (const char* shard : {"replay 0", "replay 1", "learner"}) {
    cluster.KillAndAwaitRestart(shard);
    const int64_t updates = std::max<int64_t>(cluster.Updates(), 0);
    ASSERT_TRUE(Eventually([&] { return cluster.Updates() > updates + 100; })) << shard;
    ASSERT_TRUE(Eventually([&] { return DemoRows(cluster, "size") == 1000; })) << shard;
    EXPECT_EQ(DemoRows(cluster, "loaded"), 1000) << shard;
  }
  const ProcessResult text = RunProcess({Binary("pmoe"), "status", "--run", out});
  EXPECT_THAT(text.output, HasSubstr("table demos: 500 rows"));
  cluster.up().Signal(SIGINT);
  const ProcessResult stopped = cluster.up().Wait();
  EXPECT_EQ(stopped.exit_code, 0) << stopped.output;
  const ProcessResult verified =
      RunProcess({Binary("pmoe-replay"), "verify", out + "/replay/shard-0"});
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
  EXPECT_THAT(verified.output, HasSubstr("table demos:\n"));
  EXPECT_THAT(verified.output, HasSubstr("and 500 of files"));
}

TEST_F(ClusterDemosTest, AFileThatCannotBeDemosEndsBeforeThereIsARun) {
  const ProcessResult result =
      Run("up", "none", SmallFlags(kEnv, {"--demos", dir_.File("gone.npz")}));
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("replay.demos: cannot open"));
  EXPECT_FALSE(fs::exists(dir_.File("none")));
}

}  // namespace
}  // namespace pmoe
