// Demonstrations: what a user hears of a file that cannot be them, and that each row of one that
// can enters once, in order, in process and over several shards.
#include "replay/load/demos.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "replay/core/replay_table.h"
#include "replay/wire/table_name.h"
#include "replay/wire/table_request.h"
#include "tests/replay/load/npz_testing.h"
#include "tests/replay/service/stream_testing.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

constexpr int kRows = 100;

// Of two episodes, the second of which is cut; observations count the rows.
std::vector<TestArray> GoodArrays() {
  std::vector<float> obs, next, actions, rewards;
  std::vector<uint8_t> terminals(kRows, 0);
  for (int i = 0; i < kRows; ++i) {
    const float at = static_cast<float>(i);
    obs.insert(obs.end(), {at, 0.5f});
    next.insert(next.end(), {at + 1.0f, 0.5f});
    actions.push_back(at / kRows);
    rewards.push_back(at);
  }
  terminals[39] = 1;
  return {Floats("observations", {kRows, 2}, obs), Floats("next_observations", {kRows, 2}, next),
          Floats("actions", {kRows, 1}, actions), Floats("rewards", {kRows}, rewards),
          Flags("terminals", terminals)};
}

class DemosTest : public ::testing::Test {
 protected:
  void SetUp() override {
    config_.mutable_replay()->set_demos(path_);
    config_.mutable_replay()->set_capacity(1000);
    WriteNpz(path_, GoodArrays());
  }
  void Write(size_t array, const TestArray& other) {
    std::vector<TestArray> arrays = GoodArrays();
    arrays[array] = other;
    WriteNpz(path_, arrays);
  }
  static LoadHello OfLearner() {
    LoadHello hello;
    *hello.mutable_learner() = Learner();
    hello.set_table(kDemoTable);
    return hello;
  }
  absl::Status Check() { return CheckDemos(config_, kServedSpec); }
  static std::vector<float> RewardsIn(const ReplayTable& table) {
    std::vector<float> rewards;
    table.VisitSteps([&](const StoredStep& row) {
      EXPECT_EQ(row.actor, StreamBook::kLoader);
      EXPECT_EQ(row.transition.next_obs[0], row.transition.obs[0] + 1.0f);
      rewards.push_back(row.transition.reward);
    });
    return rewards;
  }
  static std::vector<float> Counted(int begin, int end) {
    std::vector<float> rewards;
    for (int i = begin; i < end; ++i) rewards.push_back(static_cast<float>(i));
    return rewards;
  }

  TempDir folder_;
  const std::string path_ = folder_.File("demos.npz");
  RunConfig config_;
};

TEST_F(DemosTest, AFileOfTheTaskIsGood) {
  EXPECT_OK(Check());
  EXPECT_OK(CheckDemos(config_, std::nullopt));
  EXPECT_OK(CheckDemos(RunConfig(), kServedSpec)) << "none is wanted";
}

TEST_F(DemosTest, WhatIsWrongIsSaidWithFileArrayValueAndWhatToDo) {
  Write(3, Floats("rewards", {kRows}, std::vector<float>(kRows, NAN)));
  EXPECT_THAT(Check(), IsInvalid("replay.demos: " + path_ + ": rewards[0, 0] is nan as a float; "));
  Write(2, Floats("actions", {kRows, 1}, std::vector<float>(kRows, 3.0f)));
  EXPECT_THAT(Check(), IsInvalid("actions[0, 0] is 3, outside [-1, 1], in which a table has them; "
                                 "give the range of an archive's as replay.demo_actions LOW,HIGH"));
  config_.mutable_replay()->set_demo_actions("-3,3");
  EXPECT_OK(Check());
  config_.mutable_replay()->set_demo_actions("3");
  EXPECT_THAT(Check(), IsInvalid("replay.demo_actions must be LOW,HIGH"));
  config_.mutable_replay()->clear_demo_actions();
  Write(3, Floats("rewards", {kRows, 1}, std::vector<float>(kRows, 1.0f)));
  EXPECT_THAT(Check(), IsInvalid(path_ + ": array rewards"));
  Write(4, Flags("done", std::vector<uint8_t>(kRows, 0)));
  EXPECT_THAT(Check(), IsInvalid(path_ + ": has neither an array terminals nor terminated"));
  config_.mutable_replay()->set_demos(folder_.File("none.npz"));
  EXPECT_THAT(Check(), IsInvalid("replay.demos: cannot open " + folder_.File("none.npz")));
  config_.mutable_replay()->set_demos(folder_.File("text"));
  std::ofstream(folder_.File("text")) << "nothing of the kind";
  EXPECT_THAT(Check(), IsInvalid("is neither a saved table"));
}

TEST_F(DemosTest, AFileOfAnotherTaskOrOneThatDoesNotFitIsRefused) {
  EXPECT_THAT(CheckDemos(config_, TableSpec{.obs_dim = 7, .action_dim = 1}),
              IsInvalid(path_ + ": observations have 2 columns, the run's task has 7"));
  EXPECT_THAT(CheckDemos(config_, TableSpec{.obs_dim = 2, .action_dim = 3}),
              IsInvalid(path_ + ": actions have 1 columns, the run's task has 3"));
  config_.mutable_replay()->set_capacity(kRows - 1);
  EXPECT_THAT(Check(), IsInvalid("it has 100 rows, more than replay.capacity 99"));
}

TEST_F(DemosTest, EveryRowEntersATableOfTheProcessInOrder) {
  CreateTableRequest own = TableRequest();
  own.set_lockstep(true);
  own.set_actors(1);
  const auto shard = ReplayShard::Create(ShardOptions(DemoTableFrom(own)));
  ASSERT_OK(shard);
  ASSERT_OK(LoadDemos(config_, shard->get()));
  EXPECT_EQ((*shard)->Stats().loaded, kRows);
  EXPECT_EQ((*shard)->Stats().inserted, 0);
  EXPECT_EQ((*shard)->Counts().eligible, kRows);
  ASSERT_OK((*shard)->Save(folder_.File("a.table")));
  EXPECT_EQ(RewardsIn(*ReplayTable::FromFile(folder_.File("a.table"))), Counted(0, kRows));
}

TEST_F(DemosTest, ATableOfDemosIsNoLockstepOneAndHasNoLimits) {
  CreateTableRequest own = LimitedTableRequest();
  own.set_order(ROW_ORDER_FIFO);
  own.set_max_times_sampled(3);
  *own.mutable_priorities() = SomePriorities();
  const CreateTableRequest demos = DemoTableFrom(own);
  EXPECT_EQ(demos.table(), "demos");
  EXPECT_FALSE(demos.has_limiter());
  EXPECT_EQ(demos.order(), ROW_ORDER_NONE);
  EXPECT_EQ(demos.max_times_sampled(), 0);
  EXPECT_EQ(demos.priorities().beta(), 1.0) << "no row that comes in moves it on";
  EXPECT_OK(CheckTableName("table", kDemoTable));
  EXPECT_NE(ShardOptions(demos).index, ShardOptions(own).index) << "another random stream";
}

// Each shard has its part; a load that was cut off goes on behind what has entered.
TEST_F(DemosTest, ShardsHaveTheirPartsAndNoRowTwice) {
  LoadHello hello;
  *hello.mutable_learner() = Learner();
  hello.set_table(kDemoTable);
  std::vector<float> all;
  for (int shard = 0; shard < 3; ++shard) {
    TempDir folder;
    ServedShard served(folder.path());
    const auto stub = served.Connect();
    ASSERT_OK(CreateTable(stub.get(), DemoTableFrom(TableRequest())));
    const auto loaded = [&] {
      GetStatsRequest request;
      request.set_table(kDemoTable);
      grpc::ClientContext context;
      TableStats stats;
      EXPECT_OK(FromGrpc(stub->GetStats(&context, request, &stats)));
      return stats.loaded();
    };
    const RpcSecurity plain;
    DemoPart part = {.shard = shard, .shards = 3};
    ASSERT_OK(SendDemos(config_, part, hello, served.address(), plain));
    part.have = loaded();
    EXPECT_NEAR(static_cast<double>(part.have), kRows / 3.0, 1.0);
    ASSERT_OK(SendDemos(config_, part, hello, served.address(), plain));
    EXPECT_EQ(loaded(), part.have) << "nothing was missing";
    grpc::ClientContext context;
    CheckpointRequest request;
    CheckpointReply reply;
    *request.mutable_learner() = Learner();
    request.set_table(kDemoTable);
    request.set_name("a");
    ASSERT_OK(FromGrpc(stub->Checkpoint(&context, request, &reply)));
    const std::string dir = NamedTableFolder(folder.path(), kDemoTable);
    const std::vector<float> rows = RewardsIn(*ReplayTable::FromFile(dir + "/a.table"));
    all.insert(all.end(), rows.begin(), rows.end());
  }
  EXPECT_EQ(all, Counted(0, kRows));
}

TEST_F(DemosTest, ALoadThatWasCutOffGoesOnBehindWhatHasEntered) {
  TempDir folder;
  ServedShard served(folder.path());
  const auto stub = served.Connect();
  ASSERT_OK(CreateTable(stub.get(), DemoTableFrom(TableRequest())));
  LoadHello hello = OfLearner();
  const DemoPart part = {.shard = 0, .shards = 1, .have = 60};
  ASSERT_OK(SendDemos(config_, part, hello, served.address(), {}));
  served.Stop();
  ASSERT_OK(served.service()->SaveAtEnd());
  const std::string dir = NamedTableFolder(folder.path(), kDemoTable);
  const auto table = ReplayTable::FromFile(dir + "/aside-1.table");
  ASSERT_OK(table);
  EXPECT_EQ(RewardsIn(*table), Counted(60, kRows));
}

// An actor may name any table: what others showed must not be mixed with what it sends.
TEST_F(DemosTest, NoActorsRowEnters) {
  TempDir folder;
  ServedShard served(folder.path());
  const auto stub = served.Connect();
  ASSERT_OK(CreateTable(stub.get(), DemoTableFrom(LimitedTableRequest())));
  InsertHello actor = Hello();
  actor.set_table(kDemoTable);
  TestWriter writer(stub.get(), actor);
  EXPECT_EQ(writer.SayHello().next_seq(), 0u);
  ASSERT_TRUE(writer.Send(RowsOf(0, 10)));
  const ServedTable* const demos = served.service()->Tables().back();
  ASSERT_EQ(demos->name(), kDemoTable);
  ASSERT_TRUE(Eventually([&] { return demos->Counts().inserts_blocked.current > 0.0; }, kCallMax));
  LoadHello hello = OfLearner();
  ASSERT_OK(SendDemos(config_, {}, hello, served.address(), {}));
  EXPECT_EQ(demos->Counts().loaded, kRows) << "rows of files pass it";
  EXPECT_EQ(demos->Counts().inserted, 0);
  writer.Cancel();
}

// It would be taken for a part of the file, and push demonstrations out.
TEST_F(DemosTest, NobodyButTheLearnerLoadsThem) {
  TempDir folder;
  ServedShard served(folder.path());
  ASSERT_OK(CreateTable(served.Connect().get(), DemoTableFrom(TableRequest())));
  LoadHello hello = OfLearner();
  hello.clear_learner();
  EXPECT_THAT(SendDemos(config_, {}, hello, served.address(), {}),
              FailsWith(absl::StatusCode::kFailedPrecondition, "is the learner's"));
}

TEST_F(DemosTest, TheLearnerComesAgainWhileAnEarlierLifesLoadEnds) {
  TempDir folder;
  ServedShard served(folder.path());
  ASSERT_OK(CreateTable(served.Connect().get(), DemoTableFrom(TableRequest())));
  ServedTable* const demos = served.service()->Tables().back();
  ASSERT_TRUE(demos->BeginLoad());
  EXPECT_THAT(SendDemos(config_, {}, OfLearner(), served.address(), {}),
              FailsWith(absl::StatusCode::kUnavailable, "another file is being loaded"));
  demos->EndLoad();
  EXPECT_OK(SendDemos(config_, {}, OfLearner(), served.address(), {}));
}

TEST_F(DemosTest, AFileThatNobodyNeedsIsNotRead) {
  config_.mutable_replay()->set_demos(folder_.File("gone.npz"));
  RpcAddress nowhere;
  const DemoPart all = {.shard = 1, .shards = 2, .have = 50, .rows = 100};
  const auto rows = SendDemos(config_, all, OfLearner(), nowhere, {});
  ASSERT_OK(rows);
  EXPECT_EQ(*rows, 100u);
  const DemoPart some = {.shard = 1, .shards = 2, .have = 49, .rows = 100};
  EXPECT_THAT(SendDemos(config_, some, OfLearner(), nowhere, {}), IsInvalid("cannot open"));
}

TEST_F(DemosTest, ALearnerThatWasSupersededLoadsNothing) {
  TempDir folder;
  ServedShard served(folder.path());
  CreateTableRequest request = DemoTableFrom(TableRequest());
  *request.mutable_learner() = Learner(/*epoch=*/2);
  ASSERT_OK(CreateTable(served.Connect().get(), request));
  LoadHello hello;
  *hello.mutable_learner() = Learner(/*epoch=*/1);
  hello.set_table(kDemoTable);
  EXPECT_THAT(SendDemos(config_, {}, hello, served.address(), {}),
              FailsWith(absl::StatusCode::kFailedPrecondition, "superseded by epoch 2"));
}

}  // namespace
}  // namespace pmoe
