// `pmoe status --watch` beside a cluster whose learner is killed: it waits and goes on.
#include <signal.h>

#include "tests/cluster/cluster_testing.h"

namespace pmoe {
namespace {

TEST(StatusWatchTest, OutlivesALearnerAndShowsTheNextOne) {
  const TempDir dir;
  Cluster cluster(dir.File("run"), SmallFlags("InvertedPendulum-v5",
                                              {"--steps", "10000000", "--out", dir.File("run"),
                                               "--set", "checkpoint.every_steps=500", "--set",
                                               "checkpoint.every_seconds=1"}));
  ASSERT_TRUE(Eventually([&] { return cluster.Updates() > 200; }));
  ChildProcess watch({Binary("pmoe"), "status", "--run", dir.File("run"), "--watch", "--json"});
  ASSERT_TRUE(watch.ReadUntil("\"learner_epoch\":\"1\""));
  ASSERT_TRUE(watch.ReadUntil("\"free_bytes\""));
  cluster.KillAndAwaitRestart("learner");
  ASSERT_TRUE(watch.ReadUntil("\"learner_epoch\":\"2\""));
  watch.Signal(SIGINT);
  EXPECT_EQ(watch.Wait().exit_code, 0);
}

}  // namespace
}  // namespace pmoe
