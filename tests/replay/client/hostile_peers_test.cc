// What a peer with a valid connection can do to a real shard by the values that it sends: every
// field of every message at its extremes, with an honest writer beside it whose rows must all
// arrive.
// tidy: long because each message needs the same shard and the same writer.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "replay/client/rpc_writer.h"
#include "replay/core/replay_table.h"
#include "replay/core/size_warnings.h"
#include "replay/service/insert_door.h"
#include "replay/wire/priorities_codec.h"
#include "replay/wire/table_request.h"
#include "tests/replay/service/stream_testing.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/hostile_messages.h"

namespace pmoe {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr uint32_t kHonest = 7;  // an index that is no field's extreme

// Signs what it says as an honest writer would.
void Sign(const InsertHello& hello, InsertRequest* request) {
  for (ChunkMessage& chunk : *request->mutable_chunks()) chunk.set_crc32c(ChunkCrc(hello, chunk));
}

class HostilePeersTest : public ::testing::Test {
 protected:
  void Create(CreateTableRequest request = TableRequest()) {
    request.set_capacity(200'000);
    request.set_envs(1);
    request.set_newest_version(5);
    ASSERT_OK(CreateTable(stub_.get(), request));
    RpcWriterOptions options;
    options.run_id = "run-a";
    options.spec = kServedSpec;
    options.chunks.actor = kHonest;
    options.seat_signature = SeatSignature(kHonest, 0);
    options.chunks.rows_max = 8;
    auto writer = RpcTransitionWriter::Create(options, shard_.address());
    ASSERT_OK(writer);
    honest_ = *std::move(writer);
  }
  void WriteHonest(int steps) {
    for (int i = 0; i < steps; ++i) {
      const float step = static_cast<float>(honest_steps_++);
      const float obs[] = {step, 0.0f};
      const float next[] = {step + 1.0f, 0.0f};
      const float action[] = {0.5f};
      ASSERT_OK(
          honest_->Write(0, {.obs = obs, .action = action, .next_obs = next, .policy_version = 3}));
    }
  }
  // Says hello and sends the request; how the call ended.
  absl::Status Attack(const InsertHello& hello, InsertRequest request) {
    Sign(hello, &request);
    TestWriter writer(stub_.get(), hello);
    writer.SayHello();
    writer.Send(request);
    return writer.Finish();
  }
  // Ends the honest writer, and looks at every row that the shard has kept.
  void ExpectHonestRowsAreInAndAllMakeSense() {
    EXPECT_OK(honest_->Close(kCallMax));
    EXPECT_EQ(honest_->stats().chunks_refused, 0u);
    ASSERT_OK(Checkpoint(stub_.get(), "end"));
    const absl::StatusOr<ReplayTable> table = ReplayTable::FromFile(folder_.File("end.table"));
    ASSERT_OK(table);
    uint64_t honest = 0;
    table->VisitSteps([&](const StoredStep& row) {
      if (row.actor == kHonest) {
        EXPECT_EQ(row.step, honest++);
      }
      EXPECT_TRUE(std::isfinite(row.transition.reward));
      for (const float x : row.transition.obs) EXPECT_TRUE(std::isfinite(x));
      for (const float x : row.transition.next_obs) EXPECT_TRUE(std::isfinite(x));
      for (const float x : row.transition.action) EXPECT_TRUE(std::isfinite(x));
      EXPECT_LE(row.transition.policy_version, 5u);
      EXPECT_EQ(row.env, 0u);
    });
    EXPECT_EQ(honest, honest_steps_);
  }

  TempDir folder_;
  ServedShard shard_{folder_.path()};
  std::unique_ptr<ReplayService::Stub> stub_ = shard_.Connect();
  std::unique_ptr<RpcTransitionWriter> honest_;
  uint64_t honest_steps_ = 0;
};

TEST_F(HostilePeersTest, EveryFieldOfAChunkAndOfItsHelloAtItsExtremes) {
  Create();
  InsertRequest honest;
  EncodeChunk(RowsOf(0, 2), honest.add_chunks());
  InsertHello hello = Hello();
  int attacks = 0;
  const HostileLimits limits{.bytes = 1 << 14, .elements = 40};
  ForEachHostile(honest, limits, [&](const std::string&, const InsertRequest& request) {
    // Many who misbehave a little: nobody is put out.
    hello.set_actor(100 + static_cast<uint32_t>(attacks++ / 8));
    hello.set_epoch(hello.epoch() + 1);
    hello.set_seat_signature(SeatSignature(hello.actor(), hello.epoch()));
    (void)Attack(hello, request);
    WriteHonest(3);
  });
  // As it stands, and as one who has the key would say it.
  ForEachHostile(Hello(), limits, [&](const std::string&, InsertHello says) {
    (void)Attack(says, honest);
    says.set_seat_signature(SeatSignature(says.actor(), says.epoch()));
    if (says.actor() != kHonest) (void)Attack(says, honest);
    WriteHonest(3);
  });
  EXPECT_GT(attacks, 100);
  EXPECT_GT(shard_.service()->Stats().refused(), 10);
  ExpectHonestRowsAreInAndAllMakeSense();
}

// Columns have no extremes of their own in the schema: their numbers are bytes.
TEST_F(HostilePeersTest, NumbersThatAreNoneAreRefusedAndTheWriterGoesOnBehindThem) {
  Create();
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  Chunk good = RowsOf(0, 4);
  std::fill(good.policy_version.begin(), good.policy_version.end(), 5);
  EXPECT_EQ(writer.SendAndWait(good).refused_size(), 0);
  Chunk bad = RowsOf(1, 4);
  bad.policy_version = good.policy_version;
  bad.rewards[2] = kNan;
  const InsertReply reply = writer.SendAndWait(bad);
  EXPECT_EQ(reply.next_seq(), 2u);
  ASSERT_EQ(reply.refused_size(), 1);
  EXPECT_EQ(reply.refused(0), 1u);
  EXPECT_THAT(reply.refusal(), ::testing::HasSubstr("NaN"));
  Chunk next = RowsOf(2, 4);
  next.policy_version = good.policy_version;
  EXPECT_EQ(writer.SendAndWait(next).next_seq(), 3u);
  EXPECT_OK(writer.Finish());
  EXPECT_EQ(shard_.service()->Stats().inserted(), 8);
  EXPECT_EQ(shard_.service()->Stats().refused(), 1);
  EXPECT_EQ(shard_.service()->Stats().rows_lost(), 0) << "they were never taken";
  WriteHonest(100);
  ExpectHonestRowsAreInAndAllMakeSense();
}

TEST_F(HostilePeersTest, WhoGoesOnWithNonsenseIsPutOutAndOthersAreNot) {
  Create();
  InsertRequest nonsense;
  for (uint64_t seq = 0; seq < InsertDoor::kLimits.forgiven + 8; ++seq) {
    Chunk chunk = RowsOf(seq, 2);
    chunk.observations[0] = kNan;
    EncodeChunk(chunk, nonsense.add_chunks());
  }
  const absl::Status ended = Attack(Hello(), nonsense);
  EXPECT_THAT(ended, FailsWith(absl::StatusCode::kUnavailable, "is put out"));
  EXPECT_TRUE(IsTransient(ended));
  // Another life of it is no other member.
  EXPECT_THAT(Attack(Hello(/*epoch=*/1), {}), FailsWith(absl::StatusCode::kUnavailable, "put out"));
  EXPECT_EQ(shard_.service()->Stats().refused(), int64_t{InsertDoor::kLimits.forgiven} + 1);
  WriteHonest(100);
  ExpectHonestRowsAreInAndAllMakeSense();
}

TEST_F(HostilePeersTest, AVersionThatTheLearnerGoesOnNotToNameIsRefusedAndOneThatItNamesIsTaken) {
  Create();
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  Chunk early = RowsOf(0, 1);
  early.policy_version = {6};
  writer.Send(early);
  ASSERT_TRUE(Eventually([&] { return shard_.service()->Stats().writers() == 1; }));
  EXPECT_EQ(shard_.service()->Stats().inserted(), 0);
  GetStatsRequest request;
  *request.mutable_learner() = Learner();
  request.set_newest_version(6);
  grpc::ClientContext context;
  TableStats stats;
  ASSERT_OK(FromGrpc(stub_->GetStats(&context, request, &stats)));
  EXPECT_EQ(writer.Next().next_seq(), 1u);
  EXPECT_EQ(shard_.service()->Stats().inserted(), 1);
}

// A learner's certificate is no licence to end the shard either.
TEST_F(HostilePeersTest, EveryFieldOfALearnersRequestsAtItsExtremes) {
  Create();
  WriteHonest(64);
  const HostileLimits limits{.bytes = 1 << 10, .elements = 40};
  constexpr std::chrono::milliseconds kBrief{20};  // for those that wait, as they may
  const auto call = [&](auto method, const auto& request, auto reply) {
    grpc::ClientContext context;
    SetDeadline(&context, kBrief);
    (void)(stub_.get()->*method)(&context, request, &reply);
  };
  // Another learner is the fence's affair.
  const auto keep = [](const std::string& what) { return what.rfind("learner", 0) != 0; };
  CommitRequest commit;
  *commit.mutable_learner() = Learner();
  ForEachHostile(commit, limits, [&](const std::string& what, const CommitRequest& request) {
    if (keep(what)) call(&ReplayService::Stub::Commit, request, CommitReply());
  });
  CutActorRequest cut;
  *cut.mutable_learner() = Learner();
  ForEachHostile(cut, limits, [&](const std::string& what, const CutActorRequest& request) {
    if (keep(what)) call(&ReplayService::Stub::CutActor, request, CutActorReply());
  });
  CheckpointRequest checkpoint;
  *checkpoint.mutable_learner() = Learner();
  ForEachHostile(checkpoint, limits,
                 [&](const std::string& what, const CheckpointRequest& request) {
                   if (keep(what)) {
                     call(&ReplayService::Stub::Checkpoint, request, CheckpointReply());
                   }
                 });
  TakeRolloutRequest take;
  *take.mutable_learner() = Learner();
  ForEachHostile(take, limits, [&](const std::string& what, const TakeRolloutRequest& request) {
    if (!keep(what)) return;
    grpc::ClientContext context;
    SetDeadline(&context, kBrief);
    const auto stream = stub_->TakeRollout(&context, request);
    for (TakeRolloutReply piece; stream->Read(&piece);) continue;
    (void)stream->Finish();
  });
  SampleRequest sample;
  *sample.mutable_learner() = Learner();
  sample.set_rows(4);
  const auto ask = [&](const std::string& what, const SampleRequest& request) {
    if (!keep(what)) return;
    grpc::ClientContext context;
    SetDeadline(&context, kBrief);
    const auto stream = stub_->Sample(&context);
    stream->Write(request);
    stream->WritesDone();
    for (SampleReply reply; stream->Read(&reply);) continue;
    (void)stream->Finish();
  };
  ForEachHostile(sample, limits, ask);
  sample.set_sequence_rows(3);
  ForEachHostile(sample, limits, ask);
  WriteHonest(64);
  ExpectHonestRowsAreInAndAllMakeSense();
}

TEST_F(HostilePeersTest, EveryFieldOfAQuestionForCountsAtItsExtremes) {
  Create();
  GetStatsRequest stats;
  *stats.mutable_learner() = Learner();
  const HostileLimits limits{.bytes = 1 << 10, .elements = 40};
  ForEachHostile(stats, limits, [&](const std::string& what, const GetStatsRequest& request) {
    // What the learner says of its versions is believed.
    if (what.rfind("newest_version", 0) == 0) return;
    grpc::ClientContext context;
    SetDeadline(&context, kCallMax);
    TableStats reply;
    const absl::Status status = FromGrpc(stub_->GetStats(&context, request, &reply));
    const bool named = absl::IsInvalidArgument(status) || absl::IsUnavailable(status);
    EXPECT_TRUE(status.ok() || (named && !request.table().empty())) << what << ": " << status;
    WriteHonest(1);
  });
  ExpectHonestRowsAreInAndAllMakeSense();
}

// Whatever an admin asks for, rows get in or out: each refusal and each change leaves a limiter
// that moves.
TEST_F(HostilePeersTest, EveryFieldOfAChangeOfTheLimiterAtItsExtremes) {
  Create(LimitedTableRequest());
  const auto set = [this](const SetLimiterRequest& request) {
    grpc::ClientContext context;
    SetDeadline(&context, kCallMax);
    SetLimiterReply reply;
    const absl::Status status = FromGrpc(stub_->SetLimiter(&context, request, &reply));
    const bool unknown = absl::IsUnavailable(status) && !request.table().empty();
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status) || unknown) << status;
    EXPECT_TRUE(std::isfinite(reply.samples_per_insert() + reply.error_window()));
  };
  SetLimiterRequest honest;
  honest.set_min_size(2);
  honest.set_samples_per_insert(0.5);
  honest.set_error_window(70.0);
  honest.set_paused(true);
  const HostileLimits limits{.bytes = 1 << 10, .elements = 40};
  ForEachHostile(honest, limits, [&](const std::string&, const SetLimiterRequest& request) {
    set(request);
    set(honest);
    WriteHonest(3);
  });
  ExpectHonestRowsAreInAndAllMakeSense();
}

// The shard's own keys among them: what is refused changes no priority, and the shard draws on.
TEST_F(HostilePeersTest, EveryFieldOfAnUpdateOfPrioritiesAtItsExtremes) {
  CreateTableRequest table = TableRequest();
  *table.mutable_priorities() = SomePriorities();
  Create(table);
  WriteHonest(64);
  UpdatePrioritiesRequest update;
  *update.mutable_learner() = Learner();
  const std::vector<RowKey> keys = {{0, 0}, {1, 0}};
  EncodePriorities(keys, std::vector<float>{1.0f, 2.0f}, &update);
  const auto call = [&](const UpdatePrioritiesRequest& request) {
    grpc::ClientContext context;
    SetDeadline(&context, kCallMax);
    UpdatePrioritiesReply reply;
    return FromGrpc(stub_->UpdatePriorities(&context, request, &reply));
  };
  int refused = 0;
  ForEachHostile(update, {.bytes = 1 << 10, .elements = 100},
                 [&](const std::string& what, const UpdatePrioritiesRequest& request) {
                   // Another learner is the fence's affair.
                   if (what.rfind("learner", 0) == 0) return;
                   refused += absl::IsInvalidArgument(call(request)) ? 1 : 0;
                 });
  EXPECT_GT(refused, 5);
  for (const float error : {kNan, -1.0f, std::numeric_limits<float>::infinity(), 3e19f}) {
    update.set_errors(1, error);
    EXPECT_THAT(call(update), FailsWith(absl::StatusCode::kInvalidArgument, "an error of"));
  }
  update.set_errors(1, 3.0f);
  EXPECT_OK(call(update));
  ASSERT_TRUE(
      Await(shard_.service(), [](const ShardStats& counts) { return counts.inserted >= 64; }));
  grpc::ClientContext context;
  SetDeadline(&context, kCallMax);
  const auto stream = stub_->Sample(&context);
  SampleRequest sample;
  *sample.mutable_learner() = Learner();
  sample.set_rows(64);
  stream->Write(sample);
  stream->WritesDone();
  SampleReply reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.columns().size(), PackedBytes(kServedSpec, 64, /*prioritized=*/true));
  (void)stream->Finish();
  WriteHonest(64);
  ExpectHonestRowsAreInAndAllMakeSense();
}

// Keeps a shard's line full until the end.
class EagerWriter {
 public:
  EagerWriter(const RpcAddress& address, uint32_t actor, int rows) {
    RpcWriterOptions options;
    options.run_id = "run-a";
    options.spec = kServedSpec;
    options.chunks.actor = actor;
    options.seat_signature = SeatSignature(actor, 0);
    options.chunks.rows_max = rows;
    options.chunks_max = 2;
    auto writer = RpcTransitionWriter::Create(options, address);
    EXPECT_OK(writer);
    writer_ = *std::move(writer);
    thread_ = std::thread([this] { WriteOn(); });
  }
  ~EagerWriter() {
    writer_->Cancel();
    thread_.join();
    (void)writer_->Close(std::chrono::milliseconds(0));
  }
  uint64_t rows() const { return writer_->stats().rows_acked; }

 private:
  void WriteOn() {
    absl::Status status;
    for (float step = 0.0f; status.ok(); ++step) {
      const float obs[] = {step, 0.0f};
      const float next[] = {step + 1.0f, 0.0f};
      const float action[] = {0.5f};
      status = writer_->Write(0, {.obs = obs, .action = action, .next_obs = next});
    }
    EXPECT_TRUE(absl::IsCancelled(status)) << status;
  }

  std::unique_ptr<RpcTransitionWriter> writer_;
  std::thread thread_;
};

// Whole chunks once stood still for 21 s beside writers of few rows.
TEST_F(HostilePeersTest, WritersOfFewRowsLeaveTheOthersTheirTurns) {
  ASSERT_OK(CreateTable(stub_.get(), LimitedTableRequest()));
  EagerWriter whole(shard_.address(), 0, kPageRows);
  EagerWriter few[] = {
      {shard_.address(), 1, 1}, {shard_.address(), 2, 1}, {shard_.address(), 3, 2}};
  TestSampler sampler(stub_.get());
  SampleReply batch;
  const auto all_have = [&](uint64_t turns) {
    return whole.rows() >= turns * kPageRows && few[0].rows() >= turns && few[1].rows() >= turns &&
           few[2].rows() >= turns * 2;
  };
  // A round of turns takes 68 rows: so many samples are room for each to have had 20.
  for (int i = 0; i < 30 * 68 / 16; ++i) {
    ASSERT_TRUE(sampler.Ask(16));
    ASSERT_TRUE(sampler.Next(&batch));
  }
  EXPECT_TRUE(Eventually([&] { return all_have(20); }, kCallMax))
      << whole.rows() << " " << few[0].rows() << " " << few[1].rows() << " " << few[2].rows();
}

TEST(HostileTableTest, ATableOfAnyNumbersIsRefusedOrMade) {
  CreateTableRequest honest = LimitedTableRequest();
  honest.mutable_columns()->add_choices(0);
  honest.mutable_on_policy()->set_rollout_steps(64);
  int made = 0;
  for (const bool on_policy : {false, true}) {
    if (on_policy) honest.clear_limiter();
    if (!on_policy) honest.clear_on_policy();
    ForEachHostile(honest, {.bytes = 1 << 10, .elements = 40},
                   [&](const std::string&, const CreateTableRequest& request) {
                     const ReplayShardOptions options = ShardOptions(request);
                     const auto shard = ReplayShard::Create(options);
                     if (!shard.ok()) return;
                     ++made;
                     (void)FullSize(options);
                     (void)(*shard)->Explain();
                   });
    honest = TableRequest();
    honest.mutable_on_policy()->set_rollout_steps(64);
  }
  EXPECT_GT(made, 20);
}

TEST(InsertDoorTest, ForgetsAfterAMinuteAndLetsBackInAfterHalfOfOne) {
  FakeClock clock;
  InsertDoor door(&clock);
  const auto nonsense = [&] { return door.OnNonsense(1, absl::InvalidArgumentError("a reward")); };
  const auto hello = [&](uint32_t actor) { return door.Check(Hello(0, 0, actor), "here"); };
  for (size_t i = 0; i < InsertDoor::kLimits.forgiven; ++i) ASSERT_OK(nonsense());
  clock.Advance(std::chrono::seconds(60));
  for (size_t i = 0; i < InsertDoor::kLimits.forgiven; ++i) ASSERT_OK(nonsense());
  EXPECT_THAT(nonsense(), FailsWith(absl::StatusCode::kUnavailable,
                                    "actor 1 is put out for another 30 s: too many messages made "
                                    "no sense, the last: a reward"));
  EXPECT_THAT(hello(1), FailsWith(absl::StatusCode::kUnavailable, "actor 1 is put out"));
  EXPECT_OK(hello(2));
  clock.Advance(std::chrono::seconds(30));
  EXPECT_OK(hello(1));
}

}  // namespace
}  // namespace pmoe
