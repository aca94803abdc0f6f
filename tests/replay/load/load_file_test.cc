// Rows of files into a served shard: they enter as they are, count for no env step, survive what
// rows of actors survive, and an admin who sends nonsense harms nobody.
#include "replay/load/load_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "common/base/file.h"
#include "replay/core/replay_table.h"
#include "replay/wire/table_request.h"
#include "tests/replay/load/npz_testing.h"
#include "tests/replay/service/stream_testing.h"
#include "tests/testing/hostile_messages.h"

namespace pmoe {
namespace {

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

// As RowsOf, with actions that a policy could have.
Chunk GoodRows(uint64_t seq, uint32_t rows, bool terminated = false, uint32_t actor = 0) {
  Chunk chunk = RowsOf(seq, rows, /*epoch=*/0, actor);
  for (float& action : chunk.actions) action /= 1e4f;
  chunk.terminated.back() = terminated;
  return chunk;
}

std::vector<KeptRow> RowsIn(const std::string& path, uint32_t actor) {
  std::vector<KeptRow> rows;
  const auto table = ReplayTable::FromFile(path);
  EXPECT_OK(table);
  if (!table.ok()) return rows;
  table->VisitSteps([&](const StoredStep& step) {
    if (step.actor != actor) return;
    if (actor == StreamBook::kLoader) {
      EXPECT_EQ(step.transition.policy_version, 0u);
    }
    rows.push_back(Keep({.transition = step.transition}));
  });
  return rows;
}

class LoadFileTest : public ::testing::Test {
 protected:
  // A table of another run: two actors, an episode that ends, one that is cut by a lost actor.
  void SaveSource() {
    ReplayShardOptions options;
    options.spec = kServedSpec;
    const auto shard = *ReplayShard::Create(options);
    for (uint64_t seq = 0; seq < 4; ++seq) {
      ASSERT_OK(shard->Insert(GoodRows(seq, 50, seq == 1), kNow));
      ASSERT_OK(shard->Insert(GoodRows(seq, 50, false, 1), kNow));
    }
    ASSERT_OK(shard->Save(source_));
    want_ = RowsIn(source_, 0);
    const std::vector<KeptRow> more = RowsIn(source_, 1);
    want_.insert(want_.end(), more.begin(), more.end());
    ASSERT_EQ(want_.size(), 400u);
  }
  absl::Status Load(const std::string& path, const RpcAddress& address) {
    std::FILE* const out = std::fopen(folder_.File("out").c_str(), "w");
    const absl::Status status = LoadFile({.path = path, .shard = address}, interrupted_, out);
    std::fclose(out);
    return status;
  }
  absl::Status Load() { return Load(source_, shard_.address()); }
  std::string Said() { return *ReadFile(folder_.File("out")); }
  // What a checkpoint of the shard has of the loader.
  std::vector<KeptRow> Loaded(const std::string& name) {
    EXPECT_OK(Checkpoint(stub_.get(), name));
    return RowsIn(folder_.File(name + ".table"), StreamBook::kLoader);
  }

  static constexpr std::chrono::milliseconds kNow{0};
  TempDir folder_;
  const std::string source_ = folder_.File("source-table");
  ServedShard shard_{folder_.path()};
  std::unique_ptr<ReplayService::Stub> stub_ = shard_.Connect();
  std::vector<KeptRow> want_;
  std::atomic<bool> interrupted_{false};
};

TEST_F(LoadFileTest, ATableOfAnotherRunEntersRowForRowAndNoStepOfItIsThisRuns) {
  SaveSource();
  ASSERT_OK(CreateTable(stub_.get(), LimitedTableRequest()));  // which lets 64 rows in
  ASSERT_OK(Load());
  EXPECT_THAT(Said(), ::testing::HasSubstr("loaded 400 rows, in"));
  EXPECT_THAT(Said(), ::testing::HasSubstr("holds 400 of at most 10000"));
  EXPECT_THAT(Said(), ::testing::HasSubstr("durability is none"));
  EXPECT_EQ(Loaded("a"), want_);
  const ShardStats counts = shard_.service()->Counts();
  EXPECT_EQ(counts.inserted, 0);
  EXPECT_EQ(counts.loaded, 400);
  EXPECT_EQ(counts.rows_lost, 0u);
}

TEST_F(LoadFileTest, TheLearnerCountsItsOwnRowsAndTheLimiterToo) {
  SaveSource();
  const RpcReplayOptions options = ServedOptions();
  RpcReplayControl control(options);
  control.SetShardAddress(0, shard_.address());
  ASSERT_OK(control.CreateTable(0, ""));
  ASSERT_OK(Load());
  TestWriter writer(stub_.get(), Hello());
  writer.SayHello();
  writer.SendAndWait(RowsOf(0, 10));
  EXPECT_OK(writer.Finish());
  const auto stats = control.Stats();
  ASSERT_OK(stats);
  EXPECT_EQ(stats->inserted, 10);
  EXPECT_EQ(stats->size, 410);
  TestSampler sampler(stub_.get());
  ASSERT_TRUE(sampler.Ask(256));
  SampleReply reply;
  ASSERT_TRUE(sampler.Next(&reply));
  EXPECT_EQ(reply.inserted(), 10);
  EXPECT_EQ(reply.eligible(), 410);
  EXPECT_OK(sampler.Finish());
}

TEST_F(LoadFileTest, FilesOneAfterTheOtherAreBothThereAfterAKill) {
  SaveSource();
  const std::string archive = folder_.File("rows.npz");
  WriteNpz(archive, {Floats("observations", {3, 2}, {0, 1, 2, 3, 4, 5}),
                     Floats("actions", {3, 1}, {0, 1, 0}), Floats("rewards", {3}, {1, 2, 3}),
                     Flags("terminals", {0, 0, 0})});
  CreateTableRequest request = TableRequest();
  request.set_durability(DURABILITY_WAL);
  ASSERT_OK(CreateTable(stub_.get(), request));
  ASSERT_OK(Load());
  ASSERT_OK(Load(archive, shard_.address()));
  EXPECT_THAT(Said(), ::testing::HasSubstr("loaded 2 rows, left out 1 that have no successor"));
  // The folder as a kill would leave it: nothing was saved, all is in the log.
  TempDir copy;
  const std::filesystem::path dir = copy.File("t");
  std::filesystem::create_directory(dir);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    if (entry.path().extension() == ".log") {
      std::filesystem::copy(entry.path(), dir / entry.path().filename());
    }
  }
  ServedShard again(dir, "u");
  request.set_restore("newest");
  const auto reply = CreateTable(again.Connect().get(), request);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->stats().loaded(), 402);
  EXPECT_EQ(reply->stats().size(), 402);
  EXPECT_EQ(reply->stats().inserted(), 0);
  ASSERT_OK(Checkpoint(again.Connect().get(), "b"));
  std::vector<KeptRow> rows = RowsIn(dir / "b.table", StreamBook::kLoader);
  ASSERT_EQ(rows.size(), 402u);
  EXPECT_EQ(rows[400].obs, (std::vector<float>{0, 1}));
  EXPECT_EQ(rows[401].next_obs, (std::vector<float>{4, 5}));
  rows.resize(400);
  EXPECT_EQ(rows, want_);
  // And through the checkpoint: the count goes on.
  ServedShard third(dir, "v");
  const auto newest = CreateTable(third.Connect().get(), request);
  ASSERT_OK(newest);
  EXPECT_EQ(newest->restored(), "b");
  EXPECT_EQ(newest->stats().loaded(), 402);
  ASSERT_OK(Load(archive, third.address()));
  EXPECT_EQ(third.service()->Counts().loaded, 404);
}

TEST_F(LoadFileTest, ARunThatMustNotBeGivenOthersRowsSaysWhy) {
  SaveSource();
  EXPECT_THAT(Load(), FailsWith(absl::StatusCode::kUnavailable, "no table yet"));
  CreateTableRequest request = TableRequest();
  request.set_lockstep(true);
  request.set_actors(1);
  ASSERT_OK(CreateTable(stub_.get(), request));
  EXPECT_THAT(Load(), FailsWith(kRefused, "a lockstep run makes the same bits"));
  TempDir other;
  ServedShard on_policy(other.path());
  request = TableRequest();
  request.mutable_on_policy()->set_rollout_steps(8);
  ASSERT_OK(CreateTable(on_policy.Connect().get(), request));
  EXPECT_THAT(Load(source_, on_policy.address()), FailsWith(kRefused, "its own policies"));
}

TEST_F(LoadFileTest, AnotherEnvironmentsFileIsRefusedWithBothColumns) {
  SaveSource();
  CreateTableRequest request = TableRequest();
  request.mutable_columns()->set_obs_dim(7);
  ASSERT_OK(CreateTable(stub_.get(), request));
  EXPECT_THAT(Load(), FailsWith(kRefused,
                                "the file has observations of 2, actions of 1 and 0 "
                                "extra columns; the table has observations of 7"));
}

TEST_F(LoadFileTest, AFileWithOneBadRowIsNotBegun) {
  ReplayShardOptions options;
  options.spec = kServedSpec;
  const auto shard = *ReplayShard::Create(options);
  ASSERT_OK(shard->Insert(RowsOf(0, 50), kNow));  // whose actions are whole numbers
  ASSERT_OK(shard->Save(source_));
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  EXPECT_THAT(Load(), IsInvalid(source_ + ": actions[2, 0] is -2, outside [-1, 1]"));
  EXPECT_EQ(shard_.service()->Counts().size, 0);
}

TEST_F(LoadFileTest, AnInterruptEndsItInOrder) {
  SaveSource();
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  interrupted_ = true;
  EXPECT_THAT(Load(), FailsWith(absl::StatusCode::kCancelled, "interrupted"));
  interrupted_ = false;
  EXPECT_OK(Load());
  EXPECT_EQ(shard_.service()->Counts().loaded, 400);
}

// One Load call by hand.
class TestLoader {
 public:
  explicit TestLoader(ReplayService::Stub* stub) {
    SetDeadline(&context_, kCallMax);
    stream_ = stub->Load(&context_, &reply_);
  }
  void SayHello() {
    LoadRequest request;
    *request.mutable_hello()->mutable_columns() = ColumnsOf(kServedSpec);
    stream_->Write(request);
  }
  void Send(Chunk chunk) {
    chunk.actor = StreamBook::kLoader;
    chunk.policy_version.assign(chunk.rows, version_);
    LoadRequest request;
    EncodeChunk(chunk, request.add_chunks());
    if (damage_) request.mutable_chunks(0)->set_crc32c(request.chunks(0).crc32c() + 1);
    stream_->Write(request);
  }
  void SetVersion(uint32_t version) { version_ = version; }
  void SetDamage() { damage_ = true; }
  absl::Status Finish() {
    stream_->WritesDone();
    return FromGrpc(stream_->Finish());
  }

 private:
  uint32_t version_ = 0;
  bool damage_ = false;
  grpc::ClientContext context_;
  LoadReply reply_;
  std::unique_ptr<grpc::ClientWriter<LoadRequest>> stream_;
};

TEST_F(LoadFileTest, NonsenseEndsTheCallAndWhatCameBeforeStays) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  int64_t loaded = 0;
  const auto expect = [&](Chunk second, absl::StatusCode code, const char* text,
                          void (*change)(TestLoader*) = nullptr) {
    TestLoader loader(stub_.get());
    loader.SayHello();
    loader.Send(GoodRows(0, 10));
    if (change != nullptr) change(&loader);
    loader.Send(std::move(second));
    const absl::Status status = loader.Finish();
    EXPECT_THAT(status, FailsWith(code, text));
    EXPECT_THAT(status, FailsWith(code, "10 rows of this load are in the table and stay"));
    EXPECT_EQ(shard_.service()->Counts().loaded, loaded += 10);
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  Chunk chunk = GoodRows(1, 10);
  chunk.rewards[3] = std::numeric_limits<float>::infinity();
  expect(chunk, kInvalid, "NaN or infinite");
  expect(GoodRows(0, 10), kInvalid, "came where chunk 1 from step 10");
  expect(GoodRows(2, 10), kInvalid, "came where chunk 1");
  chunk = GoodRows(1, 10);
  chunk.first_step = 9;
  expect(chunk, kInvalid, "from step 9 came where");
  chunk = GoodRows(1, 10);
  chunk.observations[0] += 1.0f;
  expect(chunk, kInvalid, "not the successor");
  chunk = GoodRows(1, 10);
  chunk.observations.resize(4);
  expect(chunk, kInvalid, "observations must hold");
  expect(GoodRows(1, 10), kInvalid, "is of policy version 3",
         [](TestLoader* loader) { loader->SetVersion(3); });
  expect(GoodRows(1, 10), absl::StatusCode::kDataLoss, "CRC32C",
         [](TestLoader* loader) { loader->SetDamage(); });
  TestLoader silent(stub_.get());
  silent.Send(GoodRows(0, 10));
  EXPECT_THAT(silent.Finish(), FailsWith(kInvalid, "must be a hello"));
}

// Hello and chunk in one message, each field at its extremes, with a checksum that is right.
TEST_F(LoadFileTest, NoFieldAtItsExtremesHarmsTheShard) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  LoadRequest honest;
  *honest.mutable_hello()->mutable_columns() = ColumnsOf(kServedSpec);
  Chunk chunk = GoodRows(0, 2, /*terminated=*/false, StreamBook::kLoader);
  chunk.policy_version.assign(2, 0);
  EncodeChunk(chunk, honest.add_chunks());
  int64_t entered = 0;
  const auto try_it = [&](const std::string& what, LoadRequest request) {
    InsertHello loader;
    loader.set_actor(StreamBook::kLoader);
    for (ChunkMessage& message : *request.mutable_chunks()) {
      message.set_crc32c(ChunkCrc(loader, message));
    }
    grpc::ClientContext context;
    SetDeadline(&context, kCallMax);
    LoadReply reply;
    const auto stream = stub_->Load(&context, &reply);
    stream->Write(request);
    stream->WritesDone();
    const absl::Status status = FromGrpc(stream->Finish());
    EXPECT_FALSE(absl::IsDeadlineExceeded(status)) << what;
    EXPECT_FALSE(absl::IsInternal(status)) << what;
    if (status.ok()) entered += reply.rows();
  };
  ForEachHostile(honest, {.bytes = 10'000, .elements = 100}, try_it);
  try_it("honest", honest);
  const ShardStats counts = shard_.service()->Counts();
  EXPECT_GE(counts.loaded, entered);
  EXPECT_GT(entered, 0);
  EXPECT_EQ(counts.inserted, 0);
  const std::vector<KeptRow> rows = Loaded("a");
  EXPECT_EQ(rows.size(), static_cast<size_t>(counts.loaded));
}

TEST_F(LoadFileTest, ASkippedStepEndsTheStreamSoThatTheRowBehindNeedNotFollow) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  TestLoader loader(stub_.get());
  loader.SayHello();
  loader.Send(GoodRows(0, 10));
  Chunk behind = GoodRows(5, 10);
  behind.seq = 1;
  loader.Send(behind);
  ASSERT_OK(loader.Finish());
  const std::vector<KeptRow> rows = Loaded("a");
  ASSERT_EQ(rows.size(), 20u);
  EXPECT_EQ(rows[9].next_obs[0], ObsValue(0, 0, 10));
  EXPECT_EQ(rows[10].obs[0], ObsValue(0, 0, 50));
}

TEST_F(LoadFileTest, OneFileAtATimeAndNoneWhileTheTableIsSetBack) {
  SaveSource();
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  ASSERT_OK(Checkpoint(stub_.get(), "empty"));
  TestLoader first(stub_.get());
  first.SayHello();
  first.Send(GoodRows(0, 10));
  ASSERT_TRUE(Await(shard_.service(), [](const ShardStats& s) { return s.loaded == 10; }));
  EXPECT_THAT(Load(), FailsWith(kRefused, "another file is being loaded"));
  CreateTableRequest request = TableRequest();
  request.set_restore("empty");
  ASSERT_OK(CreateTable(stub_.get(), request));
  EXPECT_FALSE(first.Finish().ok());
  EXPECT_EQ(shard_.service()->Counts().size, 0);
  ASSERT_OK(Load());
  EXPECT_EQ(shard_.service()->Counts().loaded, 400);
}

TEST_F(LoadFileTest, ALeavingShardEndsALoad) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  TestLoader loader(stub_.get());
  loader.SayHello();
  loader.Send(GoodRows(0, 10));
  ASSERT_TRUE(Await(shard_.service(), [](const ShardStats& s) { return s.loaded == 10; }));
  shard_.service()->Drain(std::chrono::milliseconds(0));
  loader.Send(GoodRows(1, 10));
  EXPECT_THAT(loader.Finish(), FailsWith(absl::StatusCode::kUnavailable, "is leaving; "));
}

}  // namespace
}  // namespace pmoe
