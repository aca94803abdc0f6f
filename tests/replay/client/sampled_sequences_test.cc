// Sequences from real shards over unix sockets, and from one that gives none.
#include <gtest/gtest.h>

#include "replay/client/direct_replay_client.h"
#include "replay/client/sharded_sampler.h"
#include "replay/core/sequence.h"
#include "replay/wire/table_request.h"
#include "tests/replay/service/stream_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMax{20'000};  // ends a test that would hang
constexpr milliseconds kShort{20};
constexpr int kBatch = 16;

RpcReplayOptions Options(int sequence_rows, int shards = 1) {
  RpcReplayOptions options = ServedOptions(shards);
  options.table.set_capacity(100'000);
  options.sequence_rows = sequence_rows;
  return options;
}

RpcReplayOptions LimitedOptions(int sequence_rows, int shards) {
  RpcReplayOptions options = Options(sequence_rows, shards);
  options.table.mutable_limiter()->set_min_size(100);
  options.table.mutable_limiter()->set_samples_per_insert(4.0);
  options.table.mutable_limiter()->set_sample_max(4 * kBatch);
  return options;
}

class SampledSequencesTest : public ::testing::Test {
 protected:
  static void InsertRows(const ServedShard& served, uint32_t rows) {
    const auto stub = served.Connect();
    TestWriter writer(stub.get(), Hello());
    writer.SayHello();
    writer.SendAndWait(RowsOf(0, rows));
    EXPECT_OK(writer.Finish());
  }

  TempDir folder_;
};

TEST_F(SampledSequencesTest, SequencesAreThoseThatTheShardItselfDrawsInLockstepToo) {
  for (const bool lockstep : {false, true}) {
    ServedShard served(folder_.File(lockstep ? "lockstep" : "async"));
    CreateTable(Options(12), served.address());
    InsertRows(served, 50);
    auto local = ReplayShard::Create({.spec = kServedSpec, .seed = 1});
    ASSERT_OK(local);
    ASSERT_OK((*local)->Insert(RowsOf(0, 50), std::chrono::seconds(0)));
    DirectReplayClient direct(local->get(), kBatch, folder_.path(), {.sequence_rows = 12});
    RpcReplayOptions options = Options(12);
    options.table.set_lockstep(lockstep);
    ShardedSampler sampler(options, kBatch);
    sampler.SetAddress(0, served.address());
    sampler.Expect(10);
    for (int i = 0; i < 10; ++i) {
      const absl::StatusOr<Minibatch*> batch = sampler.Next(kMax);
      ASSERT_OK(batch);
      const auto wanted = direct.Next({}, kMax);
      ASSERT_OK(wanted);
      EXPECT_TRUE(BatchBytes(*batch) == BatchBytes(std::get<Minibatch*>(*wanted))) << i;
      EXPECT_OK(CheckSequences(**batch, 0, kBatch));
    }
  }
}

// docs/replay.md has this as its example.
TEST_F(SampledSequencesTest, ALearnerWithAMemoryWalksAlongItsSequences) {
  ServedShard served(folder_.path());
  RpcReplayOptions options = Options(0);
  CreateTable(options, served.address());
  InsertRows(served, 50);
  const RpcAddress& address = served.address();
  int64_t seen = 0, bootstrapped = 0;

  options.sequence_rows = 8;                           // T
  ShardedSampler sampler(options, /*batch_size=*/16);  // B
  sampler.SetAddress(/*shard=*/0, address);
  absl::StatusOr<Minibatch*> batch = sampler.Next(std::chrono::seconds(60));
  if (!batch.ok()) FAIL() << batch.status();
  for (int b = 0; b < (*batch)->size(); ++b) {
    const int first = b * (*batch)->sequence_rows();
    const int last = first + static_cast<int>((*batch)->length()[b]) - 1;
    for (int row = first; row <= last; ++row) ++seen;  // from a memory of zeros on
    const bool terminated = ((*batch)->flags()[last] & kSequenceTerminated) != 0;
    if (!terminated) ++bootstrapped;  // from next_obs of `last`
  }

  EXPECT_EQ(seen, (*batch)->given_rows());
  EXPECT_EQ(bootstrapped, 16);
}

// Answers with sequences of no row.
class EmptySequences final : public ReplayService::Service {
 public:
  grpc::Status Sample(grpc::ServerContext*,
                      grpc::ServerReaderWriter<SampleReply, SampleRequest>* stream) override {
    SampleRequest request;
    while (stream->Read(&request)) {
      SampleReply reply;
      reply.set_rows(request.rows());
      const BatchShape shape{kBatch, static_cast<int>(request.sequence_rows())};
      reply.set_columns(std::string(PackedBytes(kServedSpec, shape), '\0'));
      stream->Write(reply);
    }
    return grpc::Status::OK;
  }
};

TEST_F(SampledSequencesTest, AShardWhoseSequencesMakeNoSenseIsRefused) {
  EmptySequences service;
  const auto address = ParseRpcAddress("unix:" + folder_.path() + "/s", "--listen");
  const auto server = RpcServer::Start(*address, {&service}, {});
  ASSERT_OK(server);
  ShardedSampler sampler(Options(4), kBatch);
  sampler.SetAddress(0, *address);
  EXPECT_THAT(sampler.Next(kMax).status(),
              FailsWith(absl::StatusCode::kDataLoss, "a sequence of 0 rows, it must be in [1, 4]"));
}

TEST_F(SampledSequencesTest, ALimiterThatKnowsOfFewerRowsIsSaidAtOnce) {
  for (const int shards : {1, 2}) {
    ShardedSampler sampler(LimitedOptions(5, shards), kBatch);
    EXPECT_THAT(sampler.Next(kShort),
                IsInvalid("limiter.sample_max is 64, less than the batch of 80 rows"));
  }
}

TEST_F(SampledSequencesTest, TheLimiterOfTwoShardsCountsTheRowsOfSequencesThatWereGiven) {
  const RpcReplayOptions options = LimitedOptions(4, 2);
  std::vector<std::unique_ptr<ServedShard>> served;
  ShardedSampler sampler(options, kBatch);
  for (int i = 0; i < 2; ++i) {
    served.push_back(std::make_unique<ServedShard>(folder_.File(std::to_string(i))));
    CreateTable(options, served.back()->address(), i);
    sampler.SetAddress(i, served.back()->address());
  }
  // Steps that are lost behind each row: no sequence has more than one.
  const EndlessWriter writers[2] = {EndlessWriter(*served[0], 1), EndlessWriter(*served[1], 1)};
  const double window =
      InsertGrants::ForShards(LimiterOptions(options.table.limiter()), 2).Window();
  constexpr int kBatches = 400;
  int64_t given = 0;
  for (int i = 0; i < kBatches; ++i) {
    const absl::StatusOr<Minibatch*> batch = sampler.Next(kMax);
    ASSERT_OK(batch);
    given += (*batch)->given_rows();
  }
  EXPECT_EQ(given, kBatches * kBatch);
  int64_t inserted = 0, sampled = 0;
  for (const auto& shard : served) {
    inserted += shard->service()->Counts().inserted;
    sampled += shard->service()->Counts().sampled;
  }
  // Four more may be under way, which count as whole.
  EXPECT_LE(sampled, given + 4 * kBatch);
  EXPECT_LE(4.0 * static_cast<double>(inserted - 100) - static_cast<double>(given),
            window + 4 * 4 * kBatch);
}

}  // namespace
}  // namespace pmoe
