// The writer against the real service.
#include "replay/client/rpc_writer.h"

#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/match.h"
#include "tests/replay/service/service_testing.h"

namespace pmoe {
namespace {

using std::chrono::seconds;

class RpcWriterTest : public testing::Test {
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
  bool AwaitInserted(int64_t rows) {
    return Await(shard_->service(),
                 [rows](const ShardStats& stats) { return stats.inserted == rows; });
  }

  TestFolder folder_;
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
  CreateTableRequest request = TableRequest();
  request.set_restore("newest");
  Serve(request);
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
  while (writer->stats().unacked_chunks > 0) std::this_thread::yield();
  shard_.reset();
  CreateTableRequest request = TableRequest();
  request.set_restore("newest");
  Serve(request);
  ASSERT_OK(Write(writer.get(), 64));
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(shard_->service()->Counts().inserted, 128);
  EXPECT_EQ(shard_->service()->Counts().rows_lost, 640u);
}

TEST_F(RpcWriterTest, AWriteThatTheLimiterHoldsBackEndsWithCancel) {
  Serve(LimitedTableRequest());
  auto writer = NewWriter();
  std::thread cancel([&] {
    while (writer->stats().unacked_chunks < 4) std::this_thread::yield();
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
    while (writer->stats().unacked_chunks < 4) std::this_thread::yield();
    writer->Cancel();
  });
  // No shard yet: the fifth chunk of env 0 finds no room.
  EXPECT_THAT(Write(writer.get(), 5 * kPageRows), FailsWith(absl::StatusCode::kCancelled, "end"));
  cancel.join();
  Serve();
  EXPECT_OK(writer->Close(seconds(10)));
  EXPECT_EQ(shard_->service()->Counts().inserted, 5 * kPageRows + 10);
}

TEST_F(RpcWriterTest, AnOlderLifeOfAnActorIsToldSo) {
  Serve();
  RpcWriterOptions options = Options();
  options.chunks.epoch = 2;
  auto newer = NewWriter(options);
  ASSERT_OK(Write(newer.get(), 64));
  ASSERT_TRUE(AwaitInserted(64));
  options.chunks.epoch = 1;
  auto older = NewWriter(options);
  absl::Status status;
  while (status.ok()) status = Write(older.get(), 64);
  EXPECT_THAT(status, FailsWith(absl::StatusCode::kFailedPrecondition, "epoch"));
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

}  // namespace
}  // namespace pmoe
