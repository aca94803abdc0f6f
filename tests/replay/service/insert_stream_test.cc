// Writers over a real connection: every chunk once, whatever happens to the streams.
#include "replay/service/insert_stream.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "replay/log/segment_format.h"
#include "tests/replay/service/stream_testing.h"
#include "tests/testing/certificates.h"
#include "tests/testing/hostile_messages.h"

namespace pmoe {
namespace {

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

class InsertStreamTest : public ::testing::Test {
 protected:
  void Create(const CreateTableRequest& request) { ASSERT_OK(CreateTable(stub_.get(), request)); }
  TableStats Stats() { return shard_.service()->Stats(); }

  TempDir folder_;
  ServedShard shard_{folder_.path()};
  std::unique_ptr<ReplayService::Stub> stub_ = shard_.Connect();
};

TEST_F(InsertStreamTest, AHelloIsAnsweredWithTheSeqWantedAndCredits) {
  Create(TableRequest());
  TestWriter writer(stub_.get(), Hello());
  const InsertReply reply = writer.SayHello();
  EXPECT_EQ(reply.next_seq(), 0u);
  EXPECT_EQ(reply.credits(), kInsertCredits);
  EXPECT_FALSE(reply.draining());
  EXPECT_EQ(Stats().writers(), 1u);
}

TEST_F(InsertStreamTest, ManyChunksInOneMessageAreAcknowledgedTogether) {
  Create(TableRequest());
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  InsertRequest request;
  for (uint64_t seq = 0; seq < 5; ++seq) EncodeChunk(RowsOf(seq, 10), request.add_chunks());
  ASSERT_TRUE(writer.Send(request));
  EXPECT_EQ(writer.Next().next_seq(), 5u);
  EXPECT_EQ(Stats().inserted(), 50);
  EXPECT_OK(writer.Finish());
}

TEST_F(InsertStreamTest, TheFirstMessageMayBringChunksAlong) {
  Create(TableRequest());
  TestWriter writer(stub_.get(), Hello());
  InsertRequest request;
  *request.mutable_hello() = Hello();
  EncodeChunk(RowsOf(0, 10), request.add_chunks());
  ASSERT_TRUE(writer.Send(request));
  EXPECT_EQ(writer.Next().next_seq(), 1u);
}

TEST_F(InsertStreamTest, AWriterThatReconnectsSendsAgainAndNothingEntersTwice) {
  Create(TableRequest());
  {
    TestWriter writer(stub_.get(), Hello());
    writer.SayHello();
    writer.Send(RowsOf(0, 10));
    writer.Send(RowsOf(1, 10));
    ASSERT_TRUE(Await(shard_.service(), [](const ShardStats& s) { return s.inserted == 20; }));
    writer.Cancel();  // the answers are lost
  }
  TestWriter writer(stub_.get(), Hello(0, /*first_seq_held=*/0));
  EXPECT_EQ(writer.SayHello().next_seq(), 2u);
  EXPECT_EQ(writer.SendAndWait(RowsOf(1, 10)).next_seq(), 2u);
  EXPECT_EQ(writer.SendAndWait(RowsOf(2, 10)).next_seq(), 3u);
  EXPECT_OK(writer.Finish());
  EXPECT_EQ(Stats().inserted(), 30);
  EXPECT_EQ(Stats().duplicates(), 1);
}

TEST_F(InsertStreamTest, ANewStreamOfAWriterEndsItsOldOne) {
  Create(TableRequest());
  TestWriter old_stream(stub_.get(), Hello());
  old_stream.SayHello();
  TestWriter new_stream(stub_.get(), Hello());
  new_stream.SayHello();
  EXPECT_TRUE(IsTransient(old_stream.Finish()));
  EXPECT_EQ(new_stream.SendAndWait(RowsOf(0, 10)).next_seq(), 1u);
}

TEST_F(InsertStreamTest, ANewerLifeOfAnActorFencesTheOlderOne) {
  Create(TableRequest());
  TestWriter newer(stub_.get(), Hello(/*epoch=*/2));
  newer.SayHello();
  TestWriter older(stub_.get(), Hello(/*epoch=*/1));
  older.SayHello();
  EXPECT_THAT(older.Finish(), FailsWith(absl::StatusCode::kOutOfRange, "epoch 2 has taken its"));
  // It has not cut the newer one.
  EXPECT_EQ(newer.SendAndWait(RowsOf(0, 10, /*epoch=*/2)).next_seq(), 1u);
  EXPECT_OK(newer.Finish());
  TestWriter late(stub_.get(), Hello(/*epoch=*/1));
  late.SayHello();
  EXPECT_THAT(late.Finish(), FailsWith(absl::StatusCode::kOutOfRange, "epoch 2 has taken this"));
}

// Two hellos of an epoch that nobody gave out have fenced the true actors of a run for ever.
TEST_F(InsertStreamTest, ASeatThatNobodyGaveOutFencesNobody) {
  CreateTableRequest request = TableRequest();
  request.set_seat_key("key");
  Create(request);
  InsertHello hello = Hello(/*epoch=*/4294967295u);
  for (const std::string& signature :
       {std::string(), SeatSignature(0, 4294967295u), SeatSignature(0, 0, "run-a", "key")}) {
    hello.set_seat_signature(signature);
    TestWriter forger(stub_.get(), hello);
    forger.SayHello();
    const absl::Status status = forger.Finish();
    EXPECT_THAT(status, FailsWith(absl::StatusCode::kAborted, "never gave out the seat 0"));
    EXPECT_TRUE(IsTransient(status));
  }
  hello = Hello();
  hello.set_seat_signature(SeatSignature(0, 0, "run-a", "key"));
  TestWriter writer(stub_.get(), hello);
  writer.SayHello();
  EXPECT_EQ(writer.SendAndWait(RowsOf(0, 10)).next_seq(), 1u);
}

TEST_F(InsertStreamTest, AHelloAtItsExtremesChangesNothing) {
  Create(TableRequest());
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  InsertRequest honest;
  *honest.mutable_hello() = Hello();
  ForEachHostile(honest, {.bytes = 1 << 16, .elements = 2},
                 [&](const std::string& what, const InsertRequest& request) {
                   const InsertHello& hello = request.hello();
                   const bool own = hello.actor() == 0 && hello.epoch() == 0;
                   // What the seat's holder says of its own stream is its own affair.
                   if (own && hello.seat_signature() == honest.hello().seat_signature()) return;
                   TestWriter hostile(stub_.get(), hello);
                   hostile.SayHello();
                   EXPECT_FALSE(hostile.Finish().ok()) << what;
                 });
  EXPECT_EQ(writer.SendAndWait(RowsOf(0, 10)).next_seq(), 1u);
  EXPECT_EQ(Stats().writers(), 1u);
}

TEST_F(InsertStreamTest, AWriterOfAnotherRunIsRefused) {
  Create(TableRequest());
  InsertHello hello = Hello();
  hello.set_run_id("run-b");
  TestWriter writer(stub_.get(), hello);
  writer.SayHello();
  EXPECT_THAT(writer.Finish(),
              FailsWith(kRefused, "belongs to run run-a, the writer to run run-b"));
}

TEST_F(InsertStreamTest, AStreamWithoutAHelloIsRefused) {
  Create(TableRequest());
  TestWriter writer(stub_.get(), Hello());
  writer.Send(RowsOf(0, 10));
  EXPECT_THAT(writer.Finish(), IsInvalid("hello"));
}

TEST_F(InsertStreamTest, ADamagedChunkIsCountedAndAskedForAgain) {
  Create(TableRequest());
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  InsertRequest request;
  EncodeChunk(RowsOf(0, 10), request.add_chunks());
  request.mutable_chunks(0)->mutable_rewards()->front() ^= 1;
  writer.Send(request);
  const absl::Status status = writer.Finish();
  EXPECT_THAT(status, FailsWith(absl::StatusCode::kAborted, "CRC32C"));
  EXPECT_TRUE(IsTransient(status));
  EXPECT_EQ(Stats().crc_errors(), 1);
  EXPECT_EQ(Stats().inserted(), 0);
}

TEST_F(InsertStreamTest, AGapEndsTheStream) {
  Create(TableRequest());
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  writer.Send(RowsOf(4, 10));
  EXPECT_THAT(writer.Finish(), FailsWith(kRefused, "seq 0 must come first"));
}

TEST_F(InsertStreamTest, AnInsertThatTheLimiterHoldsBackGoesOnWithTheSamples) {
  Create(LimitedTableRequest());
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  EXPECT_EQ(writer.SendAndWait(RowsOf(0, 64)).next_seq(), 1u);
  writer.Send(RowsOf(1, 64));
  ASSERT_TRUE(
      Await(shard_.service(), [](const ShardStats& s) { return s.inserts_blocked.current > 0.0; }));
  TestSampler sampler(stub_.get());
  SampleReply batch;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(sampler.Ask(16));
    ASSERT_TRUE(sampler.Next(&batch));
  }
  EXPECT_EQ(writer.Next().next_seq(), 2u);
  EXPECT_GT(Stats().insert_blocked_s(), 0.0);
}

TEST_F(InsertStreamTest, AWriterThatGoesWhileTheLimiterHoldsItBackIsNoticed) {
  Create(LimitedTableRequest());
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  writer.SendAndWait(RowsOf(0, 64));
  writer.Send(RowsOf(1, 64));
  ASSERT_TRUE(
      Await(shard_.service(), [](const ShardStats& s) { return s.inserts_blocked.current > 0.0; }));
  writer.Cancel();
  EXPECT_TRUE(Await(shard_.service(), [this](const ShardStats& s) {
    return s.inserts_blocked.current == 0.0 && Stats().writers() == 0;
  }));
  EXPECT_EQ(Stats().inserted(), 64);
}

TEST_F(InsertStreamTest, AWriterThatComesBackWhileItsOldStreamIsHeldBackWaitsAlone) {
  Create(LimitedTableRequest());
  TestWriter old_stream(stub_.get(), Hello());
  old_stream.SayHello();
  old_stream.SendAndWait(RowsOf(0, 64));
  old_stream.Send(RowsOf(1, 64));
  ASSERT_TRUE(
      Await(shard_.service(), [](const ShardStats& s) { return s.inserts_blocked.current > 0.0; }));
  TestWriter new_stream(stub_.get(), Hello());
  EXPECT_EQ(new_stream.SayHello().next_seq(), 1u);
  EXPECT_FALSE(old_stream.Finish().ok());
  new_stream.Send(RowsOf(1, 64));
  TestSampler sampler(stub_.get());
  SampleReply batch;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(sampler.Ask(16));
    ASSERT_TRUE(sampler.Next(&batch));
  }
  EXPECT_EQ(new_stream.Next().next_seq(), 2u);
  EXPECT_EQ(Stats().inserted(), 128);
}

TEST_F(InsertStreamTest, LockstepChunksAreStagedUntilTheirRoundIsCommitted) {
  CreateTableRequest request = TableRequest();
  request.set_lockstep(true);
  request.set_actors(1);
  Create(request);
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  const Chunk chunk = MakeChunk(kServedSpec, {.rows = 10, .last_of_round = true});
  EXPECT_EQ(writer.SendAndWait(chunk).next_seq(), 1u);
  EXPECT_EQ(Stats().inserted(), 0);
  for (int times = 0; times < 2; ++times) {  // the second time because the answer was lost
    grpc::ClientContext context;
    CommitRequest commit;
    CommitReply committed;
    *commit.mutable_learner() = Learner();
    commit.set_timeout_ms(10'000);
    ASSERT_OK(FromGrpc(stub_->Commit(&context, commit, &committed)));
    EXPECT_EQ(committed.stats().inserted(), 10);
    EXPECT_EQ(committed.stats().next_round(), 1u);
  }
}

TEST_F(InsertStreamTest, ADrainingShardSaysSoKeepsWhatItAcknowledgedAndAdmitsNobody) {
  Create(LimitedTableRequest());
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  EXPECT_EQ(writer.SendAndWait(RowsOf(0, 64)).next_seq(), 1u);
  writer.Send(RowsOf(1, 64));  // held back by the limiter
  ASSERT_TRUE(
      Await(shard_.service(), [](const ShardStats& s) { return s.inserts_blocked.current > 0.0; }));
  std::thread drain([this] { shard_.service()->Drain(kCallMax); });
  const InsertReply reply = writer.Next();
  EXPECT_TRUE(reply.draining());
  EXPECT_EQ(reply.next_seq(), 1u);
  EXPECT_OK(writer.Finish());
  drain.join();
  TestWriter late(stub_.get(), Hello());
  late.SayHello();
  EXPECT_THAT(late.Finish(), FailsWith(absl::StatusCode::kUnavailable, "come back later"));
  shard_.Stop();
  ASSERT_OK(shard_.service()->SaveAtEnd());
  EXPECT_OK(ReplayTable::FromFile(folder_.File("aside-1.table")));
}

// A restore that fails half-way, here because damage cannot be set aside.
TEST(RestoreTest, UntilARestoreSucceedsNobodyIsLetInAndTheNextOneIsWhole) {
  TempDir folder;
  ServedShard shard(folder.path());
  CreateTableRequest request = TableRequest();
  request.set_durability(DURABILITY_WAL);
  ASSERT_OK(CreateTable(shard.Connect().get(), request));
  TestWriter first(shard.Connect().get(), Hello());
  first.SayHello();
  for (uint64_t seq = 0; seq < 4; ++seq) first.SendAndWait(RowsOf(seq, 10));
  const std::string segment = folder.File(SegmentName(0));
  FlipBit(segment, 8 * std::filesystem::file_size(segment) / 2);
  std::filesystem::create_directory(segment + ".damaged");  // no file takes its place
  ServedShard again(folder.path(), "t");
  request.set_restore("newest");
  const auto stub = again.Connect();
  EXPECT_FALSE(CreateTable(stub.get(), request).ok());
  EXPECT_FALSE(again.service()->Stats().has_table());
  TestWriter writer(stub.get(), Hello());
  writer.SayHello();
  EXPECT_THAT(writer.Finish(), FailsWith(absl::StatusCode::kUnavailable, "no table yet"));
  EXPECT_THAT(Checkpoint(stub.get(), "first"),
              FailsWith(absl::StatusCode::kUnavailable, "no table yet"));
  EXPECT_OK(again.service()->SaveAtEnd());  // of nothing

  std::filesystem::remove(segment + ".damaged");
  const auto reply = CreateTable(stub.get(), request);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "log");
  EXPECT_GT(reply->stats().inserted(), 0);
  EXPECT_TRUE(again.service()->Stats().has_table());
}

// Whoever steals a seat, signature and all, cannot use it with another member's certificate.
TEST(InsertCertificateTest, ASeatIsTakenOnlyWithACertificateThatIsGoodForIt) {
  const TestAuthority authority;
  TempDir folder;
  const auto security = [&](PeerRole role, const std::string& name) {
    const auto made = RpcSecurity::FromFolder(
        authority.WriteFolder(folder.File(PeerRoleName(role) + name), role, NowFor(30), "", name));
    PMOE_CHECK(made.ok());
    return *made;
  };
  ReplayServer service(folder.path());
  const auto server = RpcServer::Start(*ParseRpcAddress("127.0.0.1:0", "--listen"), {&service},
                                       security(PeerRole::kReplay, "seat-0"));
  ASSERT_OK(server);
  const auto connect = [&](PeerRole role, const std::string& name) {
    return ReplayService::NewStub(
        MakeChannel((*server)->address(), PeerRole::kReplay, security(role, name)));
  };
  ASSERT_OK(CreateTable(connect(PeerRole::kLearner, "1").get(), TableRequest()));
  const auto insert_as_actor_3 = [&](const std::string& name) {
    const auto stub = connect(PeerRole::kActor, name);
    TestWriter writer(stub.get(), Hello(0, 0, /*actor=*/3));
    writer.SayHello();
    return writer.Finish();
  };
  EXPECT_OK(insert_as_actor_3("seat-3"));
  EXPECT_OK(insert_as_actor_3("1"));
  EXPECT_THAT(insert_as_actor_3("seat-1"),
              FailsWith(absl::StatusCode::kPermissionDenied,
                        "spiffe://pmoe/actor/seat-1 is good for actor 1 alone, not for actor 3"));
  EXPECT_THAT(insert_as_actor_3("seat-evaluator"),
              FailsWith(absl::StatusCode::kPermissionDenied, "good for evaluator 0 alone"));
}

}  // namespace
}  // namespace pmoe
