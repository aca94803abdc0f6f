// Minibatches over a real connection.
#include "replay/service/sample_stream.h"

#include <gtest/gtest.h>

#include <cstring>

#include "common/metrics/rejections.h"
#include "common/rpc/first_message.h"
#include "replay/core/minibatch.h"
#include "tests/replay/service/stream_testing.h"

namespace pmoe {
namespace {

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

class SampleStreamTest : public ::testing::Test {
 protected:
  void Create(const CreateTableRequest& request) { ASSERT_OK(CreateTable(stub_.get(), request)); }
  void InsertRows(uint32_t rows) {
    TestWriter writer(stub_.get(), Hello());
    const uint64_t seq = writer.SayHello().next_seq();
    writer.SendAndWait(RowsOf(seq, rows));
    EXPECT_OK(writer.Finish());
  }

  TempDir folder_;
  ServedShard shard_{folder_.path()};
  std::unique_ptr<ReplayService::Stub> stub_ = shard_.Connect();
};

TEST_F(SampleStreamTest, AMinibatchHasTheBytesThatTheShardItselfDraws) {
  Create(TableRequest());
  InsertRows(50);
  auto local = ReplayShard::Create({.spec = kServedSpec, .seed = 1});
  ASSERT_OK(local);
  ASSERT_OK((*local)->Insert(RowsOf(0, 50), std::chrono::seconds(0)));
  TestSampler sampler(stub_.get());
  // One size after the other in the same reply; seven rows have columns that SIMD finds unaligned.
  for (const uint32_t rows : {32u, 32u, 7u, 33u, 1u}) {
    Minibatch batch(kServedSpec, static_cast<int>(rows));
    SampleReply reply;
    ASSERT_TRUE(sampler.Ask(rows));
    ASSERT_TRUE(sampler.Next(&reply));
    EXPECT_EQ(reply.rows(), rows);
    EXPECT_EQ(reply.size(), 50);
    EXPECT_EQ(reply.inserted(), 50);
    ASSERT_OK((*local)->Sample(&batch));
    EXPECT_TRUE(reply.columns() == BatchBytes(&batch));
  }
  EXPECT_OK(sampler.Finish());
}

TEST_F(SampleStreamTest, SequencesHaveTheBytesThatTheShardItselfDrawsAndEachRequestItsLength) {
  CreateTableRequest request = TableRequest();
  *request.mutable_priorities() = SomePriorities();
  Create(request);
  InsertRows(50);
  auto local = ReplayShard::Create(
      {.spec = kServedSpec, .table = {.priority = PriorityOptions{.beta_rows = 1000}}, .seed = 1});
  ASSERT_OK(local);
  ASSERT_OK((*local)->Insert(RowsOf(0, 50), std::chrono::seconds(0)));
  TestSampler sampler(stub_.get());
  int64_t given = 0;
  for (const int sequence_rows : {8, 3, 0, 1, 60, 0}) {
    Minibatch batch(kServedSpec, {.size = 7, .sequence_rows = sequence_rows, .prioritized = true});
    SampleReply reply;
    ASSERT_TRUE(sampler.AskForSequences(7, static_cast<uint32_t>(sequence_rows)));
    ASSERT_TRUE(sampler.Next(&reply));
    EXPECT_EQ(reply.rows(), 7u);
    ASSERT_OK((*local)->Sample(&batch));
    EXPECT_TRUE(reply.columns() == BatchBytes(&batch)) << sequence_rows;
    given += batch.given_rows();
  }
  EXPECT_EQ(shard_.service()->Counts().sampled, given);
  EXPECT_OK(sampler.Finish());
}

TEST_F(SampleStreamTest, SequencesThatNoMessageHoldsAreRefusedAndToldWhatItHolds) {
  Create(TableRequest());
  InsertRows(4);
  const auto refused = [&](uint32_t count, uint32_t rows) {
    TestSampler sampler(stub_.get());
    sampler.AskForSequences(count, rows);
    return sampler.Finish();
  };
  // A row of these columns has 33 bytes with its flags, a sequence 4 more.
  EXPECT_THAT(
      refused(1, UINT32_MAX),
      IsInvalid("SampleRequest.sequence_rows is 4294967295, more than a message of 67108864 "
                "bytes holds; ask for at most 2033599"));
  EXPECT_THAT(refused(1, 2033600), IsInvalid("ask for at most 2033599"));
  EXPECT_THAT(refused(2, 2033599), IsInvalid("a minibatch of 2 sequences of 67108771 bytes"));
  EXPECT_THAT(refused(UINT32_MAX, 100),
              IsInvalid("sequences of 3304 bytes is more than a message"));
}

TEST_F(SampleStreamTest, ATableOfRolloutsGivesNoSequences) {
  CreateTableRequest request = TableRequest();
  request.mutable_on_policy()->set_rollout_steps(8);
  Create(request);
  InsertRows(16);
  TestSampler sampler(stub_.get());
  sampler.AskForSequences(2, 4);
  EXPECT_THAT(sampler.Finish(), FailsWith(kRefused, "taken once, with TakeRollout"));
}

TEST_F(SampleStreamTest, RequestsInFlightAreAnsweredInTheirOrder) {
  Create(TableRequest());
  InsertRows(50);
  TestSampler sampler(stub_.get());
  for (uint32_t rows = 1; rows <= 8; ++rows) ASSERT_TRUE(sampler.Ask(rows));
  for (uint32_t rows = 1; rows <= 8; ++rows) {
    SampleReply reply;
    ASSERT_TRUE(sampler.Next(&reply));
    EXPECT_EQ(reply.rows(), rows);
    EXPECT_EQ(reply.columns().size(), PackedBytes(kServedSpec, static_cast<int>(rows)));
  }
}

TEST_F(SampleStreamTest, AnEmptyTableWithoutALimiterIsAnError) {
  Create(TableRequest());
  TestSampler sampler(stub_.get());
  sampler.Ask(4);
  EXPECT_THAT(sampler.Finish(), FailsWith(kRefused, "nothing to sample"));
}

TEST_F(SampleStreamTest, MoreRowsThanAMessageHoldsAreRefused) {
  Create(TableRequest());
  InsertRows(4);
  TestSampler sampler(stub_.get());
  sampler.Ask(UINT32_MAX);
  EXPECT_THAT(sampler.Finish(), FailsWith(absl::StatusCode::kInvalidArgument, "ask for at most"));
}

TEST_F(SampleStreamTest, ALearnerThatGoesWhileTheLimiterHoldsItBackIsNoticed) {
  Create(LimitedTableRequest());
  TestSampler sampler(stub_.get());
  sampler.Ask(16);
  ASSERT_TRUE(
      Await(shard_.service(), [](const ShardStats& s) { return s.samples_blocked.current > 0.0; }));
  sampler.Cancel();
  EXPECT_TRUE(Await(shard_.service(),
                    [](const ShardStats& s) { return s.samples_blocked.current == 0.0; }));
}

TEST_F(SampleStreamTest, ANewerLearnerEndsTheWaitsOfTheOlderOne) {
  Create(LimitedTableRequest());
  TestSampler older(stub_.get());
  older.Ask(16);
  ASSERT_TRUE(
      Await(shard_.service(), [](const ShardStats& s) { return s.samples_blocked.current > 0.0; }));
  TestSampler newer(stub_.get(), /*learner_epoch=*/2);
  newer.Ask(16);
  EXPECT_THAT(older.Finish(), FailsWith(kRefused, "learner epoch 1 was superseded by epoch 2"));
}

TEST_F(SampleStreamTest, GrantsMoveWhatMayBeInserted) {
  CreateTableRequest request = TableRequest();
  request.set_granted_inserts(true);
  Create(request);
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  writer.Send(RowsOf(0, 10));
  ASSERT_TRUE(
      Await(shard_.service(), [](const ShardStats& s) { return s.inserts_blocked.current > 0.0; }));
  TestSampler sampler(stub_.get());
  sampler.Ask(0, /*insert_bound=*/10);
  EXPECT_EQ(writer.Next().next_seq(), 1u);
}

TEST_F(SampleStreamTest, NoRowsAskedForIsAnsweredWithTheCountsAlone) {
  CreateTableRequest request = TableRequest();
  request.set_n_step(3);
  Create(request);
  InsertRows(50);
  TestSampler sampler(stub_.get());
  SampleReply reply;
  sampler.Ask(4);
  ASSERT_TRUE(sampler.Next(&reply));
  sampler.Ask(0);
  ASSERT_TRUE(sampler.Next(&reply));
  EXPECT_EQ(reply.rows(), 0u);
  EXPECT_EQ(reply.size(), 50);
  EXPECT_EQ(reply.eligible(), 48);  // two wait for their later rewards
  EXPECT_EQ(reply.inserted(), 50);
  EXPECT_TRUE(reply.columns().empty());
}

TEST_F(SampleStreamTest, ADrainingShardEndsWaits) {
  Create(LimitedTableRequest());
  TestSampler sampler(stub_.get());
  sampler.Ask(16);
  ASSERT_TRUE(
      Await(shard_.service(), [](const ShardStats& s) { return s.samples_blocked.current > 0.0; }));
  shard_.service()->Drain(kCallMax);
  EXPECT_THAT(sampler.Finish(), FailsWith(absl::StatusCode::kUnavailable, "leaving"));
}

TEST_F(SampleStreamTest, StreamsThatAskForNothingGiveWayToOneThatDoes) {
  Create(TableRequest());
  InsertRows(50);
  std::vector<std::unique_ptr<ReplayService::Stub>> stubs;
  std::vector<std::unique_ptr<TestSampler>> silent;
  for (size_t i = 0; i < FirstMessageOptions().waiting_max + 50; ++i) {
    if (i % 50 == 0) stubs.push_back(shard_.Connect());
    silent.push_back(std::make_unique<TestSampler>(stubs.back().get()));
  }
  TestSampler honest(stub_.get());
  SampleReply reply;
  ASSERT_TRUE(honest.Ask(32));
  ASSERT_TRUE(honest.Next(&reply));
  EXPECT_EQ(reply.rows(), 32u);
  EXPECT_OK(honest.Finish());
  EXPECT_TRUE(Eventually([] {
    const auto counts = Rejections::OfProcess().Counts();
    return counts.count({"sample", "silent"}) + counts.count({"sample", "too_many"}) > 0;
  }));
  for (auto& sampler : silent) sampler->Cancel();
  for (auto& sampler : silent) sampler->Finish().IgnoreError();
}

}  // namespace
}  // namespace pmoe
