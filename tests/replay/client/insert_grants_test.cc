// The limiter of several shards: against shards that insert whatever they are granted, heard of
// late and in any order.
#include "replay/client/insert_grants.h"

#include <gtest/gtest.h>

#include "common/base/rng.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr int64_t kBatch = 256;

RateLimiterOptions Options(double samples_per_insert = 256.0, int64_t min_size = 1000) {
  return {.min_size = min_size, .samples_per_insert = samples_per_insert, .sample_max = kBatch};
}

// A shard as the learner's bounds drive it: inserts chunks of up to 64 rows while its bound allows.
struct SimulatedShard {
  bool has_writers = true;
  int64_t inserted = 0;
  int64_t bound = 0;

  bool Insert(int64_t rows) {
    if (!has_writers || inserted + rows > bound) return false;
    inserted += rows;
    return true;
  }
};

class Simulation {
 public:
  Simulation(const RateLimiterOptions& options, int shards, uint64_t seed)
      : options_(InsertGrants::ForShards(options, shards)),
        grants_(options, shards),
        shards_(static_cast<size_t>(shards)),
        rng_(seed, RngRole::kReplay, 0) {}

  SimulatedShard& shard(int i) { return shards_[static_cast<size_t>(i)]; }
  int64_t sampled() const { return sampled_; }
  int64_t inserted() const {
    int64_t sum = 0;
    for (const SimulatedShard& shard : shards_) sum += shard.inserted;
    return sum;
  }

  // One random event: a bound arrives, counts arrive, rows are inserted, or a batch is drawn.
  void Step() {
    const int i = static_cast<int>(rng_.UniformInt(shards_.size()));
    SimulatedShard& shard = shards_[static_cast<size_t>(i)];
    switch (rng_.UniformInt(4)) {
      case 0:
        shard.bound = std::max(shard.bound, grants_.Bound(i));
        break;
      case 1:
        grants_.OnCounts(i, shard.inserted);
        break;
      case 2:
        shard.Insert(1 + static_cast<int64_t>(rng_.UniformInt(kPageRows)));
        break;
      default:
        if (!grants_.CanSample(kBatch)) break;
        grants_.OnSample(kBatch);
        sampled_ += kBatch;
    }
    CheckWindow();
  }

  // What the limiter promises, with the numbers as they really are.
  void CheckWindow() {
    const double surplus =
        options_.samples_per_insert * static_cast<double>(inserted() - options_.min_size) -
        static_cast<double>(sampled_);
    ASSERT_LE(surplus, options_.Window());
    ASSERT_TRUE(sampled_ == 0 || surplus >= -options_.Window());
  }

 private:
  const RateLimiterOptions options_;
  InsertGrants grants_;
  std::vector<SimulatedShard> shards_;
  Rng rng_;
  int64_t sampled_ = 0;
};

TEST(InsertGrantsTest, NoOrderOfEventsBreaksTheWindow) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Simulation run(Options(seed % 2 == 0 ? 256.0 : 0.3), 1 + static_cast<int>(seed % 5), seed);
    for (int i = 0; i < 5000; ++i) {
      run.Step();
      ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "seed " << seed << ", event " << i;
    }
  }
}

TEST(InsertGrantsTest, ShardsWithoutWritersStarveNobody) {
  for (const double samples_per_insert : {0.3, 4.0, 256.0}) {
    for (const int64_t min_size : {1, 64, 10'000}) {
      Simulation run(Options(samples_per_insert, min_size), 4, 7);
      for (int i = 1; i < 4; ++i) run.shard(i).has_writers = false;
      const int64_t wanted = min_size + 5000;
      for (int i = 0; run.inserted() < wanted; ++i) {
        ASSERT_LT(i, 2'000'000) << samples_per_insert << " per insert, min_size " << min_size;
        run.Step();
      }
      EXPECT_GT(run.sampled(), 0);
    }
  }
}

TEST(InsertGrantsTest, NothingIsGrantedToAShardBeforeItIsHeardOf) {
  InsertGrants grants(Options(), 2);
  grants.OnCounts(0, 0);
  EXPECT_GE(grants.Bound(0), kPageRows);
  EXPECT_EQ(grants.Bound(1), 0);
}

TEST(InsertGrantsTest, RowsFromBeforeThisLearnerOweNoUpdates) {
  InsertGrants grants(Options(), 2);
  grants.OnCounts(0, 300'000);
  grants.OnCounts(1, 500'000);
  // Both sides may go on at once: the surplus is 0.
  EXPECT_TRUE(grants.CanSample(kBatch));
  EXPECT_GE(grants.Bound(0), 300'000 + kPageRows);
  EXPECT_GE(grants.Bound(1), 500'000 + kPageRows);
  EXPECT_THAT(grants.Explain(),
              ::testing::HasSubstr("- 204544000 = 0 "));  // 256 * (800,000 - 1000)
}

TEST(InsertGrantsTest, AShardRestartedWithFewerRowsGoesOnFromThere) {
  InsertGrants grants(Options(), 2);
  grants.OnCounts(0, 0);
  grants.OnCounts(1, 0);
  grants.OnCounts(0, 100);
  const int64_t ahead = grants.Bound(0) - 100;
  grants.OnCounts(0, 30);
  EXPECT_EQ(grants.Bound(0), 30 + ahead);
  EXPECT_THAT(grants.Explain(), ::testing::HasSubstr("100 rows inserted"));
}

TEST(InsertGrantsTest, RowsThatComeBackFromACheckpointAreNoNewInserts) {
  InsertGrants grants(Options(), 2);
  grants.OnCounts(1, 0);
  for (int64_t rows = 0; rows <= 900; rows += 60) grants.OnCounts(0, rows);
  const int64_t bound = grants.Bound(0);
  grants.OnCounts(0, 0);    // restarted: seen before its checkpoint was loaded
  grants.OnCounts(0, 880);  // and after
  EXPECT_LE(grants.Bound(0) - 880, bound - 900 + kPageRows);
  EXPECT_GE(grants.Bound(0), 880);
}

}  // namespace
}  // namespace pmoe
