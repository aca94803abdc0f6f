// Minibatches from real shards over unix sockets.
#include "replay/client/sharded_sampler.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "common/base/clock.h"
#include "replay/wire/batch_codec.h"
#include "replay/wire/table_request.h"
#include "tests/replay/service/stream_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMax{20'000};  // ends a test that would hang
constexpr milliseconds kShort{20};
constexpr auto kLate = absl::StatusCode::kDeadlineExceeded;
constexpr int kBatch = 16;

RpcReplayOptions Options(int shards = 1) {
  RpcReplayOptions options = ServedOptions(shards);
  options.table.set_capacity(100'000);
  return options;
}

RpcReplayOptions LimitedOptions(int shards) {
  RpcReplayOptions options = Options(shards);
  options.table.mutable_limiter()->set_min_size(100);
  options.table.mutable_limiter()->set_samples_per_insert(4.0);
  options.table.mutable_limiter()->set_sample_max(kBatch);
  return options;
}

void InsertRows(const ServedShard& served, uint32_t rows) {
  const auto stub = served.Connect();
  TestWriter writer(stub.get(), Hello());
  const uint64_t seq = writer.SayHello().next_seq();
  writer.SendAndWait(RowsOf(seq, rows));
  EXPECT_OK(writer.Finish());
}

// Next until it is neither a minibatch nor a deadline that has passed.
absl::Status AwaitEnd(ShardedSampler* sampler) {
  const auto deadline = Clock::Real()->Now() + kMax;
  while (Clock::Real()->Now() < deadline) {
    const absl::Status status = sampler->Next(kShort).status();
    if (!status.ok() && !absl::IsDeadlineExceeded(status)) return status;
  }
  return absl::DeadlineExceededError("it did not end");
}

class ShardedSamplerTest : public ::testing::Test {
 protected:
  TempDir folder_;
};

TEST_F(ShardedSamplerTest, MinibatchesAreThoseThatTheShardItselfDraws) {
  ServedShard served(folder_.path());
  CreateTable(Options(), served.address());
  InsertRows(served, 50);
  auto local = ReplayShard::Create({.spec = kServedSpec, .seed = 1});
  ASSERT_OK(local);
  ASSERT_OK((*local)->Insert(RowsOf(0, 50), std::chrono::seconds(0)));
  ShardedSampler sampler(Options(), kBatch);
  sampler.SetAddress(0, served.address());
  Minibatch wanted(kServedSpec, kBatch);
  for (int i = 0; i < 20; ++i) {
    const absl::StatusOr<Minibatch*> batch = sampler.Next(kMax);
    ASSERT_OK(batch);
    ASSERT_OK((*local)->Sample(&wanted));
    EXPECT_TRUE(BatchBytes(*batch) == BatchBytes(&wanted)) << "minibatch " << i;
    EXPECT_EQ(reinterpret_cast<uintptr_t>((*batch)->next_obs()) % 64, 0u);
  }
}

TEST_F(ShardedSamplerTest, LockstepDrawsWhatIsExpectedAndNoMore) {
  RpcReplayOptions options = Options();
  options.table.set_lockstep(true);
  ServedShard served(folder_.path());
  CreateTable(Options(), served.address());
  InsertRows(served, 50);
  ShardedSampler sampler(options, kBatch);
  sampler.SetAddress(0, served.address());
  for (int round = 1; round <= 3; ++round) {
    sampler.Expect(7);
    for (int i = 0; i < 7; ++i) ASSERT_OK(sampler.Next(kMax));
    EXPECT_EQ(served.service()->Counts().sampled, round * 7 * kBatch);
  }
}

TEST_F(ShardedSamplerTest, AShardThatIsAwayIsWaitedForUnderItsName) {
  const std::string text = "unix:" + folder_.path() + "/s";
  ShardedSampler sampler(Options(), kBatch);
  sampler.SetAddress(0, *ParseRpcAddress(text, "--listen"));
  EXPECT_THAT(sampler.Next(kShort), FailsWith(kLate, "waiting for replay 0 at " + text));
  ServedShard served(folder_.path());
  CreateTable(Options(), served.address());
  InsertRows(served, 50);
  EXPECT_OK(sampler.Next(kMax));
}

TEST_F(ShardedSamplerTest, ARestartedShardIsAskedAgain) {
  ShardedSampler sampler(LimitedOptions(1), kBatch);
  for (int life = 0; life < 3; ++life) {
    // Elsewhere each time, as after a move.
    ServedShard served(folder_.path(), std::string(1, static_cast<char>('a' + life)));
    CreateTable(LimitedOptions(1), served.address());
    for (int i = 0; i < 2; ++i) InsertRows(served, 60);
    sampler.SetAddress(0, served.address());
    for (int i = 0; i < 5; ++i) ASSERT_OK(sampler.Next(kMax));
  }
}

TEST_F(ShardedSamplerTest, ALongWaitIsExplainedByTheLimiter) {
  ServedShard served(folder_.path());
  CreateTable(LimitedOptions(1), served.address());
  InsertRows(served, 50);
  ShardedSampler sampler(LimitedOptions(1), kBatch, /*long_wait=*/milliseconds(1));
  sampler.SetAddress(0, served.address());
  EXPECT_THAT(sampler.Next(kShort),
              FailsWith(kLate, "samples are blocked: 50 inserted < min_size 100"));
}

TEST_F(ShardedSamplerTest, APauseMakesTheLearnerWaitSaysWhoseItIsAndEndsNothing) {
  ServedShard served(folder_.path());
  CreateTable(LimitedOptions(1), served.address());
  const auto stub = served.Connect();
  const auto pause = [&stub](bool paused) {
    grpc::ClientContext context;
    SetLimiterRequest request;
    request.set_paused(paused);
    SetLimiterReply reply;
    EXPECT_OK(FromGrpc(stub->SetLimiter(&context, request, &reply)));
  };
  pause(true);
  for (int i = 0; i < 4; ++i) InsertRows(served, 50);
  ShardedSampler sampler(LimitedOptions(1), kBatch, /*long_wait=*/milliseconds(0));
  sampler.SetAddress(0, served.address());
  EXPECT_TRUE(Eventually([&] {
    const absl::Status waiting = sampler.Next(kShort).status();
    EXPECT_TRUE(absl::IsDeadlineExceeded(waiting)) << waiting;
    return absl::StrContains(waiting.message(), "paused by somebody at this machine");
  }));
  pause(false);
  EXPECT_OK(sampler.Next(kMax));
}

TEST_F(ShardedSamplerTest, ALearnerThatWasSupersededIsTold) {
  ServedShard served(folder_.path());
  CreateTable(Options(), served.address());
  InsertRows(served, 50);
  ShardedSampler sampler(Options(), kBatch);
  sampler.SetAddress(0, served.address());
  ASSERT_OK(sampler.Next(kMax));
  RpcReplayOptions newer = Options();
  newer.learner.set_learner_epoch(2);
  CreateTable(newer, served.address());
  EXPECT_THAT(AwaitEnd(&sampler), FailsWith(absl::StatusCode::kFailedPrecondition,
                                            "learner epoch 1 was superseded by epoch 2"));
}

TEST_F(ShardedSamplerTest, AShardOfAnotherRunIsRefused) {
  ServedShard served(folder_.path());
  CreateTable(Options(), served.address());
  RpcReplayOptions other = Options();
  other.learner.set_run_id("run-b");
  ShardedSampler sampler(other, kBatch);
  sampler.SetAddress(0, served.address());
  EXPECT_THAT(AwaitEnd(&sampler),
              FailsWith(absl::StatusCode::kFailedPrecondition, "belongs to run run-a"));
}

// Answers every request with one row too few.
class ShortReplies final : public ReplayService::Service {
 public:
  grpc::Status Sample(grpc::ServerContext*,
                      grpc::ServerReaderWriter<SampleReply, SampleRequest>* stream) override {
    SampleRequest request;
    while (stream->Read(&request)) {
      SampleReply reply;
      reply.set_rows(request.rows() - 1);
      reply.set_columns(std::string(PackedBytes(kServedSpec, kBatch - 1), '\0'));
      stream->Write(reply);
    }
    return grpc::Status::OK;
  }
};

TEST_F(ShardedSamplerTest, ADamagedReplyIsNoMinibatch) {
  ShortReplies service;
  const auto address = ParseRpcAddress("unix:" + folder_.path() + "/s", "--listen");
  const auto server = RpcServer::Start(*address, {&service}, {});
  ASSERT_OK(server);
  ShardedSampler sampler(Options(), kBatch);
  sampler.SetAddress(0, *address);
  EXPECT_THAT(AwaitEnd(&sampler),
              FailsWith(absl::StatusCode::kDataLoss, "15 rows before the columns, 16 were asked"));
}

class TwoShardsTest : public ShardedSamplerTest {
 protected:
  TwoShardsTest() {
    for (int i = 0; i < 2; ++i) Serve(i);
  }
  void Serve(int i) {
    served_[i].reset();
    served_[i] = std::make_unique<ServedShard>(folder_.File(std::to_string(i)));
    CreateTable(options_, served_[i]->address(), i);
    sampler_.SetAddress(i, served_[i]->address());
  }
  int64_t Inserted() {
    return served_[0]->service()->Counts().inserted + served_[1]->service()->Counts().inserted;
  }

  const RpcReplayOptions options_ = LimitedOptions(2);
  std::unique_ptr<ServedShard> served_[2];
  ShardedSampler sampler_{options_, kBatch};
};

TEST_F(TwoShardsTest, TheLimiterHoldsOverBoth) {
  const EndlessWriter writers[2] = {EndlessWriter(*served_[0]), EndlessWriter(*served_[1])};
  const double window =
      InsertGrants::ForShards(LimiterOptions(options_.table.limiter()), 2).Window();
  constexpr int kBatches = 1000;
  for (int i = 1; i <= kBatches; ++i) {
    ASSERT_OK(sampler_.Next(kMax));
    // Up to four more may be under way.
    const double surplus = 4.0 * static_cast<double>(Inserted() - 100) - (i + 4) * kBatch;
    EXPECT_LE(surplus, window);
  }
  EXPECT_GE(4.0 * static_cast<double>(Inserted() - 100), kBatches * kBatch - window);
  for (const auto& shard : served_) EXPECT_GT(shard->service()->Counts().inserted, 1000);
}

TEST_F(TwoShardsTest, AShardWithoutWritersStarvesNobody) {
  const EndlessWriter writer(*served_[1]);
  for (int i = 0; i < 500; ++i) ASSERT_OK(sampler_.Next(kMax));
  EXPECT_EQ(served_[0]->service()->Counts().sampled, 0);
}

TEST_F(TwoShardsTest, TheOtherShardServesWhileOneIsAway) {
  const EndlessWriter writer(*served_[0]);
  {
    const EndlessWriter other(*served_[1]);
    for (int i = 0; i < 50; ++i) ASSERT_OK(sampler_.Next(kMax));
  }
  served_[1]->Stop();
  for (int i = 0; i < 300; ++i) ASSERT_OK(sampler_.Next(kMax));
  Serve(1);  // anew, and empty
  const EndlessWriter other(*served_[1]);
  for (int i = 0; served_[1]->service()->Counts().sampled == 0; ++i) {
    ASSERT_OK(sampler_.Next(kMax));
    ASSERT_LT(i, 100'000);
  }
}

}  // namespace
}  // namespace pmoe
