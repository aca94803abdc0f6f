// The writer against the real service.
// tidy: long because each test is one way in which a writer and its shard lose each other
#include "replay/client/rpc_writer.h"

#include <atomic>
#include <fstream>
#include <limits>

#include "absl/strings/match.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "replay/wire/chunk_codec.h"
#include "tests/replay/client/cutting_proxy.h"
#include "tests/replay/service/service_testing.h"
#include "tests/testing/eventually.h"

namespace pmoe {
namespace {

using std::chrono::seconds;

class RpcWriterTest : public ::testing::Test {
 protected:
  void Serve(const CreateTableRequest& request = TableRequest()) {
    shard_ = std::make_unique<ServedShard>(folder_.path());
    ASSERT_OK(CreateTable(shard_->Connect().get(), request));
  }
  RpcAddress Address() const {
    return *ParseRpcAddress("unix:" + folder_.path() + "/s", "--listen");
  }
  RpcWriterOptions Options() const {
    RpcWriterOptions options;
    options.run_id = "run-a";
    options.seat_signature = SeatSignature(0, 0);
    options.spec = kServedSpec;
    options.chunks_max = 4;
    return options;
  }
  std::unique_ptr<RpcTransitionWriter> NewWriter(const RpcWriterOptions& options) {
    auto writer = RpcTransitionWriter::Create(options, Address());
    EXPECT_OK(writer);
    return *std::move(writer);
  }
  std::unique_ptr<RpcTransitionWriter> NewWriter() { return NewWriter(Options()); }
  // Steps of one environment that count up.
  absl::Status Write(RpcTransitionWriter* writer, int steps, uint32_t env = 0) {
    for (int i = 0; i < steps; ++i) {
      const float step = static_cast<float>(steps_[env]++);
      const float obs[] = {step, 0.0f};
      const float next[] = {step + 1.0f, 0.0f};
      const float action[] = {0.5f};
      const absl::Status status =
          writer->Write(env, {.obs = obs, .action = action, .reward = 1.0f, .next_obs = next});
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }
  // Restarts the shard from what it saved last.
  void ServeNewest(CreateTableRequest request = TableRequest()) {
    shard_.reset();
    request.set_restore("newest");
    Serve(request);
  }
  bool AwaitInserted(int64_t rows) {
    return Await(shard_->service(),
                 [rows](const ShardStats& stats) { return stats.inserted == rows; });
  }

  TempDir folder_;
  std::unique_ptr<ServedShard> shard_;
  uint64_t steps_[2] = {};
};

TEST_F(RpcWriterTest, EveryRowArrivesAndTheBufferedOnesWithClose) {
  Serve();
  auto writer = NewWriter();
  ASSERT_OK(Write(writer.get(), 1000));
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(shard_->service()->Counts().inserted, 1000);
  EXPECT_EQ(writer->stats().unacked_chunks, 0u);
  EXPECT_EQ(writer->stats().rows_acked, 1000u);
}

TEST_F(RpcWriterTest, TimesEachChunkUntilItsAcknowledgement) {
  LatencyHistogram insert_ack;
  RpcWriterOptions options = Options();
  options.insert_ack = &insert_ack;
  auto writer = NewWriter(options);
  ASSERT_OK(Write(writer.get(), 2 * kPageRows));
  EXPECT_EQ(insert_ack.Lately().count, 0u);
  const Clock::Time before = Clock::Real()->Now();
  Serve();  // no chunk can be acknowledged before
  EXPECT_OK(writer->Close(seconds(10)));
  const double most_s = std::chrono::duration<double>(Clock::Real()->Now() - before).count();
  EXPECT_EQ(insert_ack.Lately().count, 2u);
  EXPECT_GT(insert_ack.Lately().max, 0.0);
  EXPECT_LT(insert_ack.Lately().max, most_s + 10.0);
}

TEST_F(RpcWriterTest, AWaitForRoomIsSaidWhenItBeginsAndWhenItIsOver) {
  Serve(LimitedTableRequest());
  std::atomic<int> waits{0}, over{0};
  RpcWriterOptions options = Options();
  options.on_wait = [&](bool begins) { ++(begins ? waits : over); };
  auto writer = NewWriter(options);
  std::thread cancel([&] {
    EXPECT_TRUE(Eventually([&] { return waits == 1 + over; }));
    writer->Cancel();
  });
  EXPECT_THAT(Write(writer.get(), 100'000), FailsWith(absl::StatusCode::kCancelled, "end"));
  cancel.join();
  EXPECT_EQ(waits, over);
}

TEST_F(RpcWriterTest, BehindASlowLearnerFreshRowsAreFew) {
  Serve(LimitedTableRequest());
  RpcWriterOptions options = Options();
  options.chunks_max = 64;
  options.keep_fresh = true;
  auto writer = NewWriter(options);
  std::thread cancel([&] {
    EXPECT_TRUE(Eventually([&] { return writer->stats().blocked_s > 0.2; }));
    EXPECT_LE(writer->stats().unacked_chunks, 6u);  // 4, and one for each chunk that had room
    writer->Cancel();
  });
  EXPECT_THAT(Write(writer.get(), 100'000), FailsWith(absl::StatusCode::kCancelled, "end"));
  cancel.join();
}

TEST_F(RpcWriterTest, AChunkThatIsRefusedIsLostAloneAndCounted) {
  Serve();
  auto writer = NewWriter();
  ASSERT_OK(Write(writer.get(), kPageRows));
  const float obs[] = {64.0f, 0.0f}, next[] = {65.0f, 0.0f};
  const float action[] = {std::numeric_limits<float>::quiet_NaN()};
  ASSERT_OK(writer->Write(0, {.obs = obs, .action = action, .next_obs = next}));
  ++steps_[0];
  ASSERT_OK(Write(writer.get(), 2 * kPageRows - 1));
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(writer->stats().rows_acked, 2u * kPageRows);
  EXPECT_EQ(shard_->service()->Counts().refused, 1);
}

TEST_F(RpcWriterTest, WaitsForAShardThatIsNotThereYet) {
  auto writer = NewWriter();
  ASSERT_OK(Write(writer.get(), 200));
  Serve();
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(shard_->service()->Counts().inserted, 200);
}

TEST_F(RpcWriterTest, SendsAgainWhatAShardThatWasRestartedDoesNotHave) {
  Serve();
  auto writer = NewWriter();
  ASSERT_OK(Write(writer.get(), 640));
  ASSERT_TRUE(AwaitInserted(640));
  ASSERT_OK(Checkpoint(shard_->Connect().get(), "640"));
  shard_.reset();
  ASSERT_OK(Write(writer.get(), 128));
  ServeNewest();
  ASSERT_OK(Write(writer.get(), 128));
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(shard_->service()->Counts().inserted, 896);
  EXPECT_EQ(shard_->service()->Counts().rows_lost, 0u);
  EXPECT_GE(writer->stats().reconnects, 1u);
}

TEST_F(RpcWriterTest, RowsThatOnlyTheDeadShardHadAreCountedAsLost) {
  Serve();
  auto writer = NewWriter();
  ASSERT_OK(Write(writer.get(), 64));
  ASSERT_TRUE(AwaitInserted(64));
  ASSERT_OK(Checkpoint(shard_->Connect().get(), "64"));
  ASSERT_OK(Write(writer.get(), 640));
  ASSERT_TRUE(AwaitInserted(704));
  // Acknowledged, so the writer has let them go.
  ASSERT_TRUE(Eventually([&] { return writer->stats().rows_acked == 704; }));
  ServeNewest();
  ASSERT_OK(Write(writer.get(), 64));
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(shard_->service()->Counts().inserted, 128);
  EXPECT_EQ(shard_->service()->Counts().rows_lost, 640u);
}

TEST_F(RpcWriterTest, AWriteThatTheLimiterHoldsBackEndsWithCancel) {
  Serve(LimitedTableRequest());
  auto writer = NewWriter();
  std::thread cancel([&] {
    EXPECT_TRUE(Eventually([&] { return writer->stats().blocked_s > 0.0; }))
        << "counted while it lasts";
    writer->Cancel();
  });
  EXPECT_THAT(Write(writer.get(), 100'000), FailsWith(absl::StatusCode::kCancelled, "end"));
  cancel.join();
  EXPECT_THAT(writer->Close(std::chrono::milliseconds(100)),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "not acknowledged"));
}

TEST_F(RpcWriterTest, WhatWasWrittenBeforeACancelArrivesWithClose) {
  RpcWriterOptions options = Options();
  options.chunks.envs = 2;
  auto writer = NewWriter(options);
  ASSERT_OK(Write(writer.get(), 10, /*env=*/1));
  std::thread cancel([&] {
    EXPECT_TRUE(Eventually([&] { return writer->stats().blocked_s > 0.0; }));
    writer->Cancel();
  });
  // No shard yet: the fifth chunk of env 0 finds no room.
  EXPECT_THAT(Write(writer.get(), 5 * kPageRows), FailsWith(absl::StatusCode::kCancelled, "end"));
  cancel.join();
  Serve();
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(shard_->service()->Counts().inserted, 5 * kPageRows + 10);
}

TEST_F(RpcWriterTest, ACancelIsSeenByTheNextStepAndNothingWrittenIsLost) {
  Serve();
  auto writer = NewWriter();
  ASSERT_OK(Write(writer.get(), 3));
  writer->Cancel();
  const auto cancelled = FailsWith(absl::StatusCode::kCancelled, "end");
  EXPECT_THAT(Write(writer.get(), 1), cancelled);
  EXPECT_THAT(writer->Flush(), cancelled);
  EXPECT_THAT(writer->EndRound(0), cancelled);
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(shard_->service()->Counts().inserted, 3);
}

TEST_F(RpcWriterTest, EveryRowEntersOnceThoughConnectionsAreCut) {
  Serve();
  CuttingProxy proxy(folder_.File("p"), folder_.File("s"), /*seed=*/7, /*bytes_min=*/6000);
  auto writer = RpcTransitionWriter::Create(
      Options(), *ParseRpcAddress("unix:" + folder_.File("p"), "--listen"));
  ASSERT_OK(writer);
  ASSERT_OK(Write(writer->get(), 100 * kPageRows));
  ASSERT_OK((*writer)->Close(seconds(20)));
  EXPECT_EQ((*writer)->stats().rows_acked, 100u * kPageRows);
  EXPECT_GE(proxy.connections(), 5);
  EXPECT_EQ(shard_->service()->Counts().inserted, 100 * kPageRows);
  EXPECT_EQ(shard_->service()->Counts().rows_lost, 0u);
}

TEST_F(RpcWriterTest, AShardThatDrainsHasAllItAcknowledgedAndGetsTheRestWhenItIsBack) {
  Serve();
  auto writer = NewWriter();
  std::atomic<bool> drained{false};
  std::thread drain([&] {
    shard_->service()->Drain(kCallMax);
    drained = true;
  });
  int64_t written = 0;
  while (!drained || written == 0) {
    if (writer->stats().unacked_chunks == Options().chunks_max) continue;  // keeps them from now on
    ASSERT_OK(Write(writer.get(), kPageRows));
    written += kPageRows;
  }
  drain.join();
  shard_->Stop();
  ASSERT_OK(shard_->service()->SaveAtEnd());
  ServeNewest();
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(shard_->service()->Counts().inserted, written);
  EXPECT_EQ(shard_->service()->Counts().rows_lost, 0u);
}

TEST_F(RpcWriterTest, AStreamMovesToTheAddressThatIsAssigned) {
  auto writer = NewWriter();
  ASSERT_OK(Write(writer.get(), kPageRows));
  ASSERT_TRUE(Eventually([&] { return writer->stats().reconnects > 0; }));
  ServedShard elsewhere(folder_.path(), "elsewhere");
  ASSERT_OK(CreateTable(elsewhere.Connect().get(), TableRequest()));
  writer->SetAddress(elsewhere.address());
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(elsewhere.service()->Counts().inserted, kPageRows);
}

TEST_F(RpcWriterTest, AnOpenStreamMovesToo) {
  Serve();
  auto writer = NewWriter();
  ASSERT_OK(Write(writer.get(), kPageRows));
  ASSERT_TRUE(AwaitInserted(kPageRows));
  ServedShard elsewhere(folder_.path(), "elsewhere");
  ASSERT_OK(CreateTable(elsewhere.Connect().get(), TableRequest()));
  writer->SetAddress(elsewhere.address());
  ASSERT_OK(Write(writer.get(), kPageRows));
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(shard_->service()->Counts().inserted, kPageRows);
  EXPECT_EQ(elsewhere.service()->Counts().inserted, kPageRows);
}

TEST_F(RpcWriterTest, AnOlderLifeOfAnActorIsToldSo) {
  Serve();
  RpcWriterOptions options = Options();
  options.chunks.epoch = 2;
  options.seat_signature = SeatSignature(0, 2);
  auto newer = NewWriter(options);
  ASSERT_OK(Write(newer.get(), 64));
  ASSERT_TRUE(AwaitInserted(64));
  options.chunks.epoch = 1;
  options.seat_signature = SeatSignature(0, 1);
  auto older = NewWriter(options);
  absl::Status status;
  while (status.ok()) status = Write(older.get(), 64);
  EXPECT_THAT(status, FailsWith(absl::StatusCode::kOutOfRange, "epoch"));
  EXPECT_TRUE(MustJoinAnew(status));
  EXPECT_OK(newer->Close(seconds(10)));
}

TEST_F(RpcWriterTest, TheAuditNamesEveryRowAndWhatWasAcknowledged) {
  Serve();
  RpcWriterOptions options = Options();
  options.audit_path = folder_.File("audit");
  auto writer = NewWriter(options);
  ASSERT_OK(Write(writer.get(), 100));
  ASSERT_OK(writer->Close(seconds(10)));
  std::ifstream file(folder_.File("audit"));
  int rows = 0;
  std::string last;
  for (std::string line; std::getline(file, line); last = line) {
    rows += absl::StartsWith(line, "row 0 0 0 ") ? 1 : 0;
  }
  EXPECT_EQ(rows, 100);
  EXPECT_EQ(last, "acked 2 100");
}

// Breaks its first stream once chunks have come, and acknowledges what the next ones bring.
class BreakingShard : public ReplayService::Service {
 public:
  grpc::Status Insert(grpc::ServerContext* context,
                      grpc::ServerReaderWriter<InsertReply, InsertRequest>* stream) override {
    InsertRequest request;
    InsertReply reply;
    stream->Read(&request);
    const InsertHello hello = request.hello();
    reply.set_next_seq(hello.first_seq_held());
    reply.set_credits(32);
    stream->Write(reply);
    if (!stream->Read(&request)) return grpc::Status::OK;
    MutexLock lock(&mu_);
    requests_.push_back(request);
    if (requests_.size() == 1) return {grpc::StatusCode::UNAVAILABLE, "broken"};
    reply.set_next_seq(hello.first_seq_held() + static_cast<uint64_t>(request.chunks_size()));
    stream->Write(reply);
    while (stream->Read(&request)) continue;
    return grpc::Status::OK;
  }
  std::vector<InsertRequest> requests() const {
    MutexLock lock(&mu_);
    return requests_;
  }

 private:
  mutable Mutex mu_;
  std::vector<InsertRequest> requests_
      ABSL_GUARDED_BY(mu_);  // the first with chunks of each stream
};

TEST_F(RpcWriterTest, WhatIsSentAgainHasTheSameBytes) {
  auto writer = NewWriter();
  ASSERT_OK(Write(writer.get(), 4 * kPageRows));  // all of them wait for the shard
  BreakingShard shard;
  auto server = RpcServer::Start(Address(), {&shard}, {});
  ASSERT_OK(server);
  EXPECT_OK(writer->Close(seconds(10)));
  (*server)->Stop(std::chrono::milliseconds(0));
  const std::vector<InsertRequest> requests = shard.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].SerializeAsString(), requests[1].SerializeAsString());
  ASSERT_EQ(requests[1].chunks_size(), 4) << "as many as may be sent, in one request";
  for (int i = 0; i < 4; ++i) {
    const ChunkMessage& message = requests[1].chunks(i);
    auto chunk = DecodeChunk({}, message);
    ASSERT_OK(chunk);
    EXPECT_EQ(chunk->seq, static_cast<uint64_t>(i));
    EXPECT_EQ(chunk->observations[0], static_cast<float>(i * kPageRows));
    ChunkMessage again;
    EncodeChunk(*chunk, &again);
    EXPECT_EQ(again.SerializeAsString(), message.SerializeAsString());
  }
}

// A lockstep run of one actor whose rounds are five steps.
class RpcWriterLockstepTest : public RpcWriterTest {
 protected:
  static CreateTableRequest Rounds(uint64_t first_round) {
    CreateTableRequest request = TableRequest();
    request.set_lockstep(true);
    request.set_actors(1);
    request.set_first_round(first_round);
    return request;
  }
  std::unique_ptr<RpcTransitionWriter> NewRoundWriter(const std::string& state) {
    RpcWriterOptions options = Options();
    options.lockstep = true;
    auto writer = NewWriter(options);
    if (state.empty()) return writer;
    ByteReader in(state);
    EXPECT_OK(writer->LoadState(&in));
    return writer;
  }
  static std::string State(const RpcTransitionWriter& writer) {
    ByteWriter out;
    writer.SaveState(&out);
    return std::string(out.bytes());
  }
  absl::Status PlayRound(RpcTransitionWriter* writer, uint64_t round) {
    PMOE_RETURN_IF_ERROR(Write(writer, 5));
    PMOE_RETURN_IF_ERROR(writer->EndRound(round));
    grpc::ClientContext context;
    SetDeadline(&context, kCallMax);
    CommitRequest request;
    CommitReply reply;
    *request.mutable_learner() = Learner();
    request.set_round(round);
    request.set_timeout_ms(10'000);
    return FromGrpc(shard_->Connect()->Commit(&context, request, &reply));
  }
};

TEST_F(RpcWriterLockstepTest, GoesOnFromACheckpointWithTheNextChunk) {
  Serve(Rounds(0));
  auto writer = NewRoundWriter("");
  for (uint64_t round = 0; round < 3; ++round) ASSERT_OK(PlayRound(writer.get(), round));
  const std::string state = State(*writer);
  ASSERT_OK(Checkpoint(shard_->Connect().get(), "3"));
  ASSERT_OK(writer->Close(seconds(10)));
  ServeNewest(Rounds(3));
  writer = NewRoundWriter(state);
  for (uint64_t round = 3; round < 5; ++round) ASSERT_OK(PlayRound(writer.get(), round));
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(shard_->service()->Counts().inserted, 25);
  EXPECT_EQ(shard_->service()->Counts().duplicates, 0);
}

TEST_F(RpcWriterLockstepTest, AShardThatIsAheadOfTheWritersCheckpointIsRefused) {
  Serve(Rounds(0));
  auto writer = NewRoundWriter("");
  const std::string state = State(*writer);
  for (uint64_t round = 0; round < 3; ++round) ASSERT_OK(PlayRound(writer.get(), round));
  ASSERT_OK(writer->Close(seconds(10)));
  writer = NewRoundWriter(state);
  steps_[0] = 0;
  ASSERT_OK(Write(writer.get(), kPageRows));
  EXPECT_THAT(writer->Close(seconds(10)),
              FailsWith(absl::StatusCode::kFailedPrecondition, "resume both from one checkpoint"));
}

}  // namespace
}  // namespace pmoe
