// The learner's calls: one table, fences, checkpoints, the log. Streams have tests of their own.
// tidy: long because all of it needs one served shard.
#include "replay/service/replay_service.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "common/base/file.h"
#include "replay/log/segment_format.h"
#include "tests/replay/service/stream_testing.h"

namespace pmoe {
namespace {

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr auto kAway = absl::StatusCode::kUnavailable;

class ReplayServiceTest : public ::testing::Test {
 protected:
  void Insert(uint64_t first_seq, uint64_t chunks) {
    TestWriter writer(stub_.get(), Hello());
    EXPECT_EQ(writer.SayHello().next_seq(), first_seq);
    for (uint64_t i = 0; i < chunks; ++i) writer.SendAndWait(RowsOf(first_seq + i, 10));
    EXPECT_OK(writer.Finish());
  }

  TempDir folder_;
  ServedShard shard_{folder_.path()};
  std::unique_ptr<ReplayService::Stub> stub_ = shard_.Connect();
};

TEST_F(ReplayServiceTest, TheSameTableMayBeAskedForTwice) {
  auto reply = CreateTable(stub_.get(), TableRequest());
  ASSERT_OK(reply);
  Insert(0, 2);
  reply = CreateTable(stub_.get(), TableRequest());
  ASSERT_OK(reply);
  EXPECT_EQ(reply->stats().inserted(), 20);
}

TEST_F(ReplayServiceTest, NamesTheFieldInWhichAnotherTableDiffers) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  CreateTableRequest other = TableRequest();
  other.mutable_columns()->set_obs_dim(7);
  EXPECT_THAT(CreateTable(stub_.get(), other), FailsWith(kRefused, "columns.obs_dim: 2 -> 7"));
}

TEST_F(ReplayServiceTest, RefusesATableThatCannotBe) {
  CreateTableRequest request = TableRequest();
  request.set_n_step(0);
  EXPECT_THAT(CreateTable(stub_.get(), request), IsInvalid("n_step"));
  EXPECT_OK(CreateTable(stub_.get(), TableRequest()));
}

absl::StatusOr<SetLimiterReply> SetLimiter(ReplayService::Stub* stub,
                                           const SetLimiterRequest& request) {
  grpc::ClientContext context;
  SetDeadline(&context, kCallMax);
  SetLimiterReply reply;
  const absl::Status status = FromGrpc(stub->SetLimiter(&context, request, &reply));
  if (!status.ok()) return status;
  return reply;
}

TEST_F(ReplayServiceTest, AChangeOfTheLimiterLastsUntilTheLearnersNextLife) {
  SetLimiterRequest change;
  EXPECT_THAT(SetLimiter(stub_.get(), change), FailsWith(kAway, "no table yet"));
  ASSERT_OK(CreateTable(stub_.get(), LimitedTableRequest()));
  change.set_samples_per_insert(0.25);
  change.set_paused(true);
  auto reply = SetLimiter(stub_.get(), change);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->samples_per_insert(), 0.25);
  EXPECT_EQ(reply->error_window(), 64.0);
  EXPECT_TRUE(reply->paused());
  EXPECT_THAT(reply->limiter(), ::testing::HasSubstr("paused by somebody at this machine"));
  EXPECT_EQ(shard_.service()->Stats().limiter(), reply->limiter());
  Insert(0, 20);  // more than the limiter would let in

  ASSERT_OK(CreateTable(stub_.get(), LimitedTableRequest()));  // the learner comes back
  EXPECT_TRUE(SetLimiter(stub_.get(), {})->paused());
  CreateTableRequest next_life = LimitedTableRequest();
  *next_life.mutable_learner() = Learner(2);
  ASSERT_OK(CreateTable(stub_.get(), next_life));
  reply = SetLimiter(stub_.get(), {});
  ASSERT_OK(reply);
  EXPECT_FALSE(reply->paused());
  EXPECT_EQ(reply->samples_per_insert(), 1.0);

  change.set_samples_per_insert(-1.0);
  EXPECT_THAT(SetLimiter(stub_.get(), change), IsInvalid("limiter.samples_per_insert"));
  EXPECT_FALSE(SetLimiter(stub_.get(), {})->paused());
}

TEST_F(ReplayServiceTest, CallsBeforeThereIsATableAreToldToComeAgain) {
  EXPECT_THAT(Checkpoint(stub_.get(), "a"), FailsWith(kAway, "no table yet"));
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  EXPECT_THAT(writer.Finish(), FailsWith(kAway, "no table yet"));
  EXPECT_FALSE(shard_.service()->Stats().has_table());
}

TEST_F(ReplayServiceTest, ALearnerThatWasSupersededIsToldSo) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  CreateTableRequest newer = TableRequest();
  *newer.mutable_learner() = Learner(3);
  ASSERT_OK(CreateTable(stub_.get(), newer));
  EXPECT_THAT(Checkpoint(stub_.get(), "a"),
              FailsWith(kRefused, "learner epoch 1 was superseded by epoch 3"));
}

TEST_F(ReplayServiceTest, AnotherRunIsRefused) {
  shard_.service()->AdoptRun("run-a");
  CreateTableRequest other = TableRequest();
  *other.mutable_learner() = Learner(9, "run-b");
  EXPECT_THAT(CreateTable(stub_.get(), other),
              FailsWith(kRefused, "belongs to run run-a, the learner to run run-b"));
}

TEST_F(ReplayServiceTest, ATableThatIsSampledGivesNoRollouts) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  grpc::ClientContext context;
  SetDeadline(&context, kCallMax);
  TakeRolloutRequest request;
  *request.mutable_learner() = Learner();
  request.set_rollout_id(1);
  TakeRolloutReply reply;
  const auto stream = stub_->TakeRollout(&context, request);
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_THAT(FromGrpc(stream->Finish()), FailsWith(kRefused, "this shard's rows are sampled"));
}

TEST_F(ReplayServiceTest, ADrainingShardEndsTheWaitForARollout) {
  CreateTableRequest table = TableRequest();
  table.mutable_on_policy()->set_rollout_steps(8);
  ASSERT_OK(CreateTable(stub_.get(), table));
  grpc::ClientContext context;
  SetDeadline(&context, kCallMax);
  TakeRolloutRequest request;
  *request.mutable_learner() = Learner();
  request.set_rollout_id(1);
  request.set_steps(8);
  request.set_timeout_ms(60'000);
  const auto stream = stub_->TakeRollout(&context, request);
  ASSERT_TRUE(Await(shard_.service(),
                    [](const ShardStats& counts) { return counts.samples_blocked.current > 0.0; }));
  shard_.service()->Drain(std::chrono::milliseconds(0));
  TakeRolloutReply reply;
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_THAT(FromGrpc(stream->Finish()), FailsWith(kAway, "the shard is leaving"));
}

TEST_F(ReplayServiceTest, AShardThatHasRolloutsDoesNotTurnIntoATable) {
  CreateTableRequest request = TableRequest();
  request.mutable_on_policy()->set_rollout_steps(8);
  ASSERT_OK(CreateTable(stub_.get(), request));
  EXPECT_THAT(CreateTable(stub_.get(), TableRequest()), FailsWith(kRefused, "on_policy"));
}

TEST_F(ReplayServiceTest, ARestartedShardComesBackFromItsNewestCheckpoint) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  Insert(0, 1);
  ASSERT_OK(Checkpoint(stub_.get(), "first"));
  Insert(1, 1);
  ASSERT_OK(Checkpoint(stub_.get(), "second", {"first"}));
  Insert(2, 1);
  ServedShard again(folder_.path(), "t");
  CreateTableRequest request = TableRequest();
  request.set_restore("newest");
  const auto stub = again.Connect();
  const auto reply = CreateTable(stub.get(), request);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "second");
  EXPECT_EQ(reply->stats().inserted(), 20);
  TestWriter writer(stub.get(), Hello(0, /*first_seq_held=*/1));
  EXPECT_EQ(writer.SayHello().next_seq(), 2u);
}

TEST_F(ReplayServiceTest, ADamagedNewestCheckpointFallsBackToTheOneBefore) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  Insert(0, 1);
  ASSERT_OK(Checkpoint(stub_.get(), "first"));
  Insert(1, 1);
  ASSERT_OK(Checkpoint(stub_.get(), "second", {"first"}));
  FlipBit(folder_.File("second.table"), 1000);
  ServedShard again(folder_.path(), "t");
  CreateTableRequest request = TableRequest();
  request.set_restore("newest");
  ::testing::internal::CaptureStderr();
  const auto reply = CreateTable(again.Connect().get(), request);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), ::testing::HasSubstr("second.table"));
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "first");
}

TEST_F(ReplayServiceTest, AnOlderCheckpointThatWasTouchedIsNotTakenForTheNewest) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  Insert(0, 1);
  ASSERT_OK(Checkpoint(stub_.get(), "z-first"));
  Insert(1, 1);
  ASSERT_OK(Checkpoint(stub_.get(), "second", {"z-first"}));
  const auto written = std::filesystem::last_write_time(folder_.File("second.table"));
  std::filesystem::last_write_time(folder_.File("z-first.table"), written + std::chrono::hours(1));
  ServedShard again(folder_.path(), "t");
  CreateTableRequest request = TableRequest();
  request.set_restore("newest");
  ::testing::internal::CaptureStderr();
  const auto reply = CreateTable(again.Connect().get(), request);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::HasSubstr("restored second, save 2; the file of z-first is younger"));
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "second");
}

TEST_F(ReplayServiceTest, SettingsOfTheRunHoldAndWhatTheFileHadIsSaid) {
  ASSERT_OK(CreateTable(stub_.get(), LimitedTableRequest()));
  Insert(0, 1);
  ASSERT_OK(Checkpoint(stub_.get(), "first"));
  ServedShard again(folder_.path(), "t");
  CreateTableRequest request = LimitedTableRequest();
  request.set_restore("newest");
  request.set_capacity(500);
  request.mutable_limiter()->set_samples_per_insert(2.0);
  request.mutable_limiter()->set_error_window(128.0);
  ::testing::internal::CaptureStderr();
  ASSERT_OK(CreateTable(again.Connect().get(), request));
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, ::testing::HasSubstr("replay.capacity is 500, the saved table had 10000"));
  EXPECT_THAT(said, ::testing::HasSubstr("samples per insert is 2, the saved table had 1"));
  EXPECT_THAT(said, ::testing::Not(::testing::HasSubstr("gamma")));
}

CreateTableRequest LoggedTableRequest(const std::string& restore = "") {
  CreateTableRequest request = TableRequest();
  request.set_durability(DURABILITY_WAL);
  request.set_restore(restore);
  return request;
}

TEST_F(ReplayServiceTest, ADurabilityThatNobodyKnowsIsRefused) {
  CreateTableRequest request = TableRequest();
  request.set_durability(static_cast<Durability>(7));
  EXPECT_THAT(CreateTable(stub_.get(), request), IsInvalid("one of Durability, got 7"));
}

TEST_F(ReplayServiceTest, ARestartedShardHasWhatItsLogHasAndTheWriterGoesOnBehindIt) {
  ASSERT_OK(CreateTable(stub_.get(), LoggedTableRequest()));
  Insert(0, 2);
  {
    ServedShard again(folder_.path(), "t");  // as if the first one had been killed
    const auto reply = CreateTable(again.Connect().get(), LoggedTableRequest("newest"));
    ASSERT_OK(reply);
    EXPECT_EQ(reply->restored(), "log");
    EXPECT_EQ(reply->stats().inserted(), 20);
    ASSERT_OK(Checkpoint(again.Connect().get(), "first"));
    TestWriter writer(again.Connect().get(), Hello());
    EXPECT_EQ(writer.SayHello().next_seq(), 2u);
    EXPECT_EQ(writer.SendAndWait(RowsOf(2, 10)).next_seq(), 3u);
  }
  ServedShard third(folder_.path(), "u");
  const auto reply = CreateTable(third.Connect().get(), LoggedTableRequest("newest"));
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "first");
  EXPECT_EQ(reply->stats().inserted(), 30);
}

TEST_F(ReplayServiceTest, AWriterGoesOnBehindWhatWasRefusedBeforeTheRestart) {
  ASSERT_OK(CreateTable(stub_.get(), LoggedTableRequest()));
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  writer.SendAndWait(RowsOf(0, 10));
  const auto spoilt = [](uint64_t seq) {
    Chunk chunk = RowsOf(seq, 10);
    chunk.rewards[2] = std::numeric_limits<float>::quiet_NaN();
    return chunk;
  };
  EXPECT_EQ(writer.SendAndWait(spoilt(1)).refused_size(), 1);
  EXPECT_EQ(writer.SendAndWait(RowsOf(2, 10)).next_seq(), 3u);
  EXPECT_EQ(writer.SendAndWait(spoilt(3)).refused_size(), 1);
  EXPECT_OK(writer.Finish());
  ServedShard again(folder_.path(), "t");  // as if the first one had been killed
  const auto reply = CreateTable(again.Connect().get(), LoggedTableRequest("newest"));
  ASSERT_OK(reply);
  EXPECT_EQ(reply->stats().inserted(), 20);
  InsertHello hello = Hello(0, /*first_seq_held=*/4);
  hello.set_rows_acked(20);
  TestWriter back(again.Connect().get(), hello);
  EXPECT_EQ(back.SayHello().next_seq(), 4u);
  EXPECT_EQ(back.SendAndWait(RowsOf(4, 10)).next_seq(), 5u);
  EXPECT_EQ(again.service()->Counts().inserted, 30);
  EXPECT_EQ(again.service()->Counts().rows_lost, 0u) << "refused rows were never taken";
}

TEST_F(ReplayServiceTest, WhatLiesBehindDamageOfTheLogIsSaidAndTheWriterCountsIt) {
  ASSERT_OK(CreateTable(stub_.get(), LoggedTableRequest()));
  Insert(0, 3);
  const std::string segment = folder_.File(SegmentName(0));
  FlipBit(segment, 8 * std::filesystem::file_size(segment) / 2);
  ServedShard again(folder_.path(), "t");
  ::testing::internal::CaptureStderr();
  const auto reply = CreateTable(again.Connect().get(), LoggedTableRequest("newest"));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::HasSubstr("the log is damaged: "));
  ASSERT_OK(reply);
  EXPECT_LT(reply->stats().inserted(), 30);
  InsertHello hello = Hello(0, /*first_seq_held=*/3);
  hello.set_rows_acked(30);
  TestWriter writer(again.Connect().get(), hello);
  EXPECT_EQ(writer.SayHello().next_seq(), 3u);
  EXPECT_EQ(again.service()->Counts().rows_lost,
            static_cast<uint64_t>(30 - reply->stats().inserted()));
}

// Nor is its log ended by what the other one's was cut off in.
TEST_F(ReplayServiceTest, ATableThatBeginsAnewIsNotMixedWithTheLogOfAnother) {
  ASSERT_OK(CreateTable(stub_.get(), LoggedTableRequest()));
  Insert(0, 3);
  for (const size_t cut : {0, 1}) {
    const std::string segment = folder_.File(SegmentName(0));
    std::filesystem::resize_file(segment, std::filesystem::file_size(segment) - cut);
    {
      ServedShard anew(folder_.path(), "t");
      ASSERT_OK(CreateTable(anew.Connect().get(), LoggedTableRequest()));
      TestWriter writer(anew.Connect().get(), Hello());
      writer.SayHello();
      writer.SendAndWait(RowsOf(0, 10));
    }
    ServedShard again(folder_.path(), "u");
    const auto reply = CreateTable(again.Connect().get(), LoggedTableRequest("newest"));
    ASSERT_OK(reply);
    EXPECT_EQ(reply->stats().inserted(), 10) << cut;
  }
}

TEST_F(ReplayServiceTest, ARolloutGoesOutOnceItsTakingIsOnDisk) {
  CreateTableRequest table = TableRequest();
  table.mutable_on_policy()->set_rollout_steps(10);
  table.set_durability(DURABILITY_ASYNC);
  ASSERT_OK(CreateTable(stub_.get(), table));
  Insert(0, 1);
  grpc::ClientContext context;
  SetDeadline(&context, kCallMax);
  TakeRolloutRequest request;
  *request.mutable_learner() = Learner();
  request.set_rollout_id(1);
  request.set_steps(10);
  request.set_timeout_ms(10'000);
  request.set_version_max(kVersionMax);
  const auto stream = stub_->TakeRollout(&context, request);
  TakeRolloutReply reply;
  ASSERT_TRUE(stream->Read(&reply));
  const SegmentLogStats log = shard_.service()->LogStats();
  EXPECT_GE(log.end, 3u);
  EXPECT_EQ(log.on_disk, log.end);
  while (stream->Read(&reply)) continue;
  EXPECT_OK(FromGrpc(stream->Finish()));
}

TEST_F(ReplayServiceTest, SomebodyElseThanTheLearnerMayHaveItSavedAndNothingElseGoesForThat) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  Insert(0, 1);
  ASSERT_OK(Checkpoint(stub_.get(), "first"));
  for (const char* wanted : {"aside-2", "aside-3"}) {
    grpc::ClientContext context;
    SetDeadline(&context, kCallMax);
    CheckpointReply reply;
    ASSERT_OK(FromGrpc(stub_->Checkpoint(&context, CheckpointRequest(), &reply)));
    EXPECT_EQ(reply.name(), wanted);
  }
  EXPECT_TRUE(std::filesystem::exists(folder_.File("first.table")));
  EXPECT_FALSE(std::filesystem::exists(folder_.File("aside-2.table")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("aside-3.table")));
}

TEST_F(ReplayServiceTest, AShardThatLeavesSavesNothingAsideBeforeItsEnd) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  Insert(0, 1);
  shard_.service()->Drain(std::chrono::milliseconds(0));
  grpc::ClientContext context;
  SetDeadline(&context, kCallMax);
  CheckpointReply reply;
  EXPECT_THAT(FromGrpc(stub_->Checkpoint(&context, CheckpointRequest(), &reply)),
              FailsWith(kAway, "the shard is leaving"));
  EXPECT_FALSE(std::filesystem::exists(folder_.File("aside-1.table")));
  ASSERT_OK(shard_.service()->SaveAtEnd());
  EXPECT_TRUE(std::filesystem::exists(folder_.File("aside-1.table")));
}

TEST_F(ReplayServiceTest, NewestIsForANewTableOnly) {
  CreateTableRequest request = TableRequest();
  request.set_restore("newest");
  auto reply = CreateTable(stub_.get(), request);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "");  // there is none
  Insert(0, 1);
  ASSERT_OK(Checkpoint(stub_.get(), "first"));
  Insert(1, 1);
  reply = CreateTable(stub_.get(), request);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "");
  EXPECT_EQ(reply->stats().inserted(), 20);
}

TEST_F(ReplayServiceTest, ANamedCheckpointSetsALiveTableBackAndItsWritersComeAgain) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  writer.SendAndWait(RowsOf(0, 10));
  ASSERT_OK(Checkpoint(stub_.get(), "first"));
  writer.SendAndWait(RowsOf(1, 10));
  CreateTableRequest request = TableRequest();
  request.set_restore("first");
  const auto reply = CreateTable(stub_.get(), request);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "first");
  EXPECT_EQ(reply->stats().inserted(), 10);
  EXPECT_TRUE(IsTransient(writer.Finish()));
  TestWriter again(stub_.get(), Hello(0, 1));
  EXPECT_EQ(again.SayHello().next_seq(), 1u);
}

TEST_F(ReplayServiceTest, ACheckpointThatIsNotThereIsAnError) {
  CreateTableRequest request = TableRequest();
  request.set_restore("none");
  EXPECT_THAT(CreateTable(stub_.get(), request),
              FailsWith(absl::StatusCode::kNotFound, "none.table"));
}

TEST_F(ReplayServiceTest, ACheckpointRemovesTheOthersButThoseToKeep) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  for (const char* name : {"a", "b"}) ASSERT_OK(Checkpoint(stub_.get(), name, {"a", "b"}));
  std::ofstream(folder_.File("notes.txt")) << "stay";
  std::ofstream(folder_.File("d.table.tmp")) << "left behind";
  ASSERT_OK(Checkpoint(stub_.get(), "c", {"a"}));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("a.table")));
  EXPECT_FALSE(std::filesystem::exists(folder_.File("b.table")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("c.table")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("notes.txt")));
  EXPECT_FALSE(std::filesystem::exists(folder_.File("d.table.tmp")));
}

TEST_F(ReplayServiceTest, TheEndOfALockstepShardLeavesTheLearnersCheckpointAlone) {
  CreateTableRequest request = TableRequest();
  request.set_lockstep(true);
  request.set_actors(1);
  ASSERT_OK(CreateTable(stub_.get(), request));
  ASSERT_OK(Checkpoint(stub_.get(), "0"));
  const std::string saved = *ReadFile(folder_.File("0.table"));
  Insert(0, 1);  // staged
  ASSERT_OK(shard_.service()->SaveAtEnd());
  EXPECT_TRUE(*ReadFile(folder_.File("0.table")) == saved);
}

TEST_F(ReplayServiceTest, ANameThatLeavesTheFolderIsRefused) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  EXPECT_THAT(Checkpoint(stub_.get(), "../a"), IsInvalid("0-9, a-z"));
}

}  // namespace
}  // namespace pmoe
