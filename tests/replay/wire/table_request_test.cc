#include "replay/wire/table_request.h"

#include <gtest/gtest.h>

#include "common/config/run_config.h"
#include "tests/replay/replay_testing.h"

namespace pmoe {
namespace {

constexpr TableSpec kSpec{.obs_dim = 3, .action_dim = 2, .extra_dim = 1};

RunConfig Config(const std::string& algorithm, const std::string& mode) {
  RunConfig config;
  config.set_algorithm(algorithm);
  config.set_seed(7);
  config.mutable_schedule()->set_mode(mode);
  config.mutable_schedule()->set_update_after(1000);
  config.mutable_schedule()->set_updates_per_step(0.5);
  config.mutable_schedule()->set_steps_per_round(2048);
  config.mutable_schedule()->set_max_lag(4);
  config.mutable_replay()->set_capacity(10'001);
  config.mutable_replay()->set_bytes_max(1 << 20);
  config.mutable_replay()->set_n_step(3);
  config.mutable_learner()->set_gamma(0.9);
  config.mutable_learner()->set_batch_size(100);
  config.mutable_actor()->set_count(2);
  return config;
}

TEST(TableRequestTest, PrioritiesAreWhatTheConfigurationSaysAndOfOneShard) {
  RunConfig config = Config("pmoe_sac", "async");
  EXPECT_FALSE(ShardOptions(TableFromConfig(config, kSpec)).table.priority.has_value());
  config.mutable_replay()->set_selector("prioritized");
  config.mutable_replay()->set_priority_alpha(0.3);
  config.mutable_replay()->set_priority_beta(0.2);
  config.mutable_replay()->set_priority_beta_end(0.9);
  config.mutable_schedule()->set_total_steps(5000);
  const CreateTableRequest table = TableFromConfig(config, kSpec);
  const ReplayShardOptions options = ShardOptions(table);
  ASSERT_TRUE(options.table.priority.has_value());
  EXPECT_EQ(options.table.priority->alpha, 0.3);
  EXPECT_EQ(options.table.priority->beta, 0.2);
  EXPECT_EQ(options.table.priority->beta_end, 0.9);
  EXPECT_EQ(options.table.priority->beta_rows, 5000);
  EXPECT_EQ(options.table.priority->update_rows_max, 100);
  EXPECT_OK(options.Validate());
  EXPECT_OK(CheckTable(table, 1));
  EXPECT_THAT(CheckTable(table, 2), IsInvalid("prioritized needs replay.shards 1, got 2"));
}

TEST(TableRequestTest, RowsByAgeAreOfOneShardAndOffPolicy) {
  RunConfig config = Config("sac", "async");
  const auto age = [&] { return ShardOptions(TableFromConfig(config, kSpec)).table.age; };
  EXPECT_EQ(age(), std::nullopt);
  config.mutable_replay()->set_selector("lifo");
  EXPECT_EQ(age(), RowAge::kNewest);
  config.mutable_replay()->set_selector("fifo");
  EXPECT_EQ(age(), RowAge::kOldest);
  const CreateTableRequest table = TableFromConfig(config, kSpec);
  EXPECT_OK(CheckTable(table, 1));
  EXPECT_THAT(CheckTable(table, 2), IsInvalid("replay.selector lifo and fifo, "));
  config.set_algorithm("ppo");
  EXPECT_EQ(age(), std::nullopt);
}

TEST(TableRequestTest, HowOftenARowIsGivenIsWhatTheConfigurationSaysAndOfOneShard) {
  RunConfig config = Config("sac", "lockstep");
  config.mutable_replay()->set_max_times_sampled(70);
  const CreateTableRequest table = TableFromConfig(config, kSpec);
  EXPECT_EQ(ShardOptions(table).table.max_times_sampled, 70);
  EXPECT_OK(ShardOptions(table).Validate());
  CreateTableRequest async = table;
  async.set_lockstep(false);
  EXPECT_THAT(CheckTable(async, 2), IsInvalid("need replay.shards 1, got 2"));
  config.set_algorithm("ppo");
  EXPECT_EQ(ShardOptions(TableFromConfig(config, kSpec)).table.max_times_sampled, 0);
}

TEST(TableRequestTest, AShardIsMadeOfWhatTheConfigurationSays) {
  const ReplayShardOptions options =
      ShardOptions(TableFromConfig(Config("pmoe_sac", "lockstep"), kSpec));
  EXPECT_EQ(options.spec, kSpec);
  EXPECT_EQ(options.table.capacity, 10'001);
  EXPECT_EQ(options.table.bytes_max, 1 << 20);
  EXPECT_EQ(options.table.n_step, 3);
  EXPECT_EQ(options.table.gamma, 0.9);
  EXPECT_EQ(options.stage.actors, 2);
  EXPECT_EQ(options.stage.first_round, kFirstRound);
  EXPECT_EQ(options.seed, 7u);
  EXPECT_FALSE(options.gate.limiter.has_value());
  EXPECT_FALSE(options.table.fifo.has_value());
  EXPECT_OK(options.Validate());
}

TEST(TableRequestTest, AsyncHasALimiterOnPolicyHasRollouts) {
  const ReplayShardOptions async = ShardOptions(TableFromConfig(Config("sac", "async"), kSpec));
  ASSERT_TRUE(async.gate.limiter.has_value());
  EXPECT_EQ(async.gate.limiter->min_size, 1000);
  EXPECT_EQ(async.gate.limiter->samples_per_insert, 50.0);
  EXPECT_EQ(async.gate.limiter->sample_max, 100);
  EXPECT_OK(async.Validate());
  const ReplayShardOptions ppo = ShardOptions(TableFromConfig(Config("ppo", "async"), kSpec));
  EXPECT_FALSE(ppo.gate.limiter.has_value());
  ASSERT_TRUE(ppo.table.fifo.has_value());
  EXPECT_EQ(ppo.table.fifo->rollout_steps, 2048);
  EXPECT_EQ(ppo.table.fifo->max_lag, 2);
}

TEST(TableRequestTest, TheLimiterHoldsTheRunsOwnRowsOfAMinibatchAgainstItsSteps) {
  RunConfig config = Config("sac", "async");
  config.mutable_replay()->set_demos("d.npz");
  config.mutable_replay()->set_demo_share(0.3);
  const CreateTableRequest table = TableFromConfig(config, kSpec);
  EXPECT_EQ(table.limiter().samples_per_insert(), 70 * 0.5);
  EXPECT_EQ(table.limiter().sample_max(), 70);
  EXPECT_EQ(DemoTableFrom(table).capacity(), table.capacity());
}

TEST(TableRequestTest, ShardsShareTheRowsAndLeaveTheLimitToTheLearner) {
  const CreateTableRequest all = TableFromConfig(Config("sac", "async"), kSpec);
  const ReplayShardOptions third = ShardOptions(TableOfShard(all, 2, 3));
  EXPECT_EQ(third.table.capacity, 3334);
  EXPECT_EQ(third.index, 2u);
  EXPECT_TRUE(third.gate.granted_inserts);
  EXPECT_FALSE(third.gate.limiter.has_value());
  EXPECT_TRUE(ShardOptions(TableOfShard(all, 0, 1)).gate.limiter.has_value());
}

}  // namespace
}  // namespace pmoe
