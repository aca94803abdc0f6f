#include "learner/kernels/thread_team.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "learner/kernels/partition.h"

namespace pmoe {
namespace {

TEST(PartitionTest, SharesCoverEverythingOnce) {
  for (const long n : {0l, 1l, 7l, 100l, 256l}) {
    for (const long parts : {1l, 2l, 3l, 8l}) {
      for (const long grain : {1l, 8l}) {
        long at = 0;
        for (long part = 0; part < parts; ++part) {
          const Share share = ShareOf(n, part, parts, grain);
          EXPECT_EQ(share.begin, at);
          EXPECT_LE(share.begin, share.end);
          EXPECT_TRUE(share.end % grain == 0 || share.end == n);
          at = share.end;
        }
        EXPECT_EQ(at, n);
      }
    }
  }
}

class ThreadTeamTest : public ::testing::TestWithParam<int> {};

// Each round needs what all threads wrote in the one before. More threads than cores, too.
TEST_P(ThreadTeamTest, EveryThreadSeesWhatAllWroteBeforeABarrier) {
  constexpr int kRuns = 300, kRounds = 5;
  ThreadTeam team(GetParam());
  const size_t threads = static_cast<size_t>(team.size());
  std::vector<long> now(threads, 1), next(threads, 0);
  long wanted = 1;
  for (int run = 0; run < kRuns; ++run) {
    std::fill(now.begin(), now.end(), 1);
    wanted = 1;
    for (int round = 0; round < kRounds; ++round) wanted *= team.size();
    team.Run([&](int thread) {
      for (int round = 0; round < kRounds; ++round) {
        next[static_cast<size_t>(thread)] = std::accumulate(now.begin(), now.end(), 0l);
        team.Barrier();
        now[static_cast<size_t>(thread)] = next[static_cast<size_t>(thread)];
        team.Barrier();
      }
    });
    for (const long value : now) ASSERT_EQ(value, wanted);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadTeamTest, ::testing::Values(1, 2, 3, 8));

}  // namespace
}  // namespace pmoe
