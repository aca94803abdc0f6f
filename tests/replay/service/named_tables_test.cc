// Several tables in one shard: rows, files, limits and ends of each are its own, and a name from
// outside reaches no other folder.
#include <gmock/gmock.h>

#include <filesystem>

#include "replay/core/replay_table.h"
#include "replay/service/table_set.h"
#include "replay/wire/table_name.h"
#include "tests/replay/service/stream_testing.h"
#include "tests/testing/hostile_messages.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr auto kAway = absl::StatusCode::kUnavailable;

CreateTableRequest Named(const std::string& name, CreateTableRequest request = TableRequest()) {
  request.set_table(name);
  return request;
}

class NamedTablesTest : public ::testing::Test {
 protected:
  void Insert(const std::string& table, uint64_t chunks, uint32_t rows = 10,
              uint64_t first_seq = 0) {
    InsertHello hello = Hello();
    hello.set_table(table);
    TestWriter writer(stub_.get(), hello);
    EXPECT_EQ(writer.SayHello().next_seq(), first_seq) << table;
    for (uint64_t i = 0; i < chunks; ++i) writer.SendAndWait(RowsOf(first_seq + i, rows));
    EXPECT_OK(writer.Finish());
  }
  absl::StatusOr<TableStats> Stats(const std::string& table) {
    grpc::ClientContext context;
    SetDeadline(&context, kCallMax);
    GetStatsRequest request;
    request.set_table(table);
    TableStats stats;
    const absl::Status status = FromGrpc(stub_->GetStats(&context, request, &stats));
    if (!status.ok()) return status;
    return stats;
  }
  absl::Status Save(const std::string& table, const std::string& name, bool learner = true) {
    grpc::ClientContext context;
    SetDeadline(&context, kCallMax);
    CheckpointRequest request;
    CheckpointReply reply;
    if (learner) *request.mutable_learner() = Learner();
    request.set_name(name);
    request.set_table(table);
    const absl::Status status = FromGrpc(stub_->Checkpoint(&context, request, &reply));
    saved_ = reply.name();
    return status;
  }
  int64_t Inserted(const std::string& table) {
    const auto stats = Stats(table);
    EXPECT_OK(stats);
    return stats.ok() ? stats->inserted() : -1;
  }
  void Restart() {
    shard_.reset();
    shard_.emplace(folder_.path());
    stub_ = shard_->Connect();
  }

  TempDir folder_;
  std::optional<ServedShard> shard_{std::in_place, folder_.path()};
  std::unique_ptr<ReplayService::Stub> stub_ = shard_->Connect();
  std::string saved_;
};

TEST_F(NamedTablesTest, EachHasItsRowsItsFilesAndItsWriters) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  ASSERT_OK(CreateTable(stub_.get(), Named("a-1")));
  Insert("", 2);
  Insert("a-1", 3);  // the same actor's first chunk there
  EXPECT_EQ(Inserted(""), 20);
  EXPECT_EQ(Inserted("a-1"), 30);
  const TableStats own = *Stats("");
  ASSERT_EQ(own.tables_size(), 1);
  EXPECT_EQ(own.tables(0).name(), "a-1");
  EXPECT_EQ(own.tables(0).size(), 30);
  EXPECT_EQ(Stats("a-1")->tables_size(), 0);
  ASSERT_OK(Save("", "one"));
  ASSERT_OK(Save("a-1", "one"));
  EXPECT_EQ(ReplayTable::FromFile(folder_.File("one.table"))->size(), 20);
  EXPECT_EQ(ReplayTable::FromFile(folder_.File("tables/a-1/one.table"))->size(), 30);
}

TEST_F(NamedTablesTest, ASampleComesFromTheTableThatItsFirstMessageNames) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  ASSERT_OK(CreateTable(stub_.get(), Named("other")));
  Insert("", 1);
  Insert("other", 4);
  grpc::ClientContext context;
  SetDeadline(&context, kCallMax);
  const auto stream = stub_->Sample(&context);
  SampleRequest sample;
  *sample.mutable_learner() = Learner();
  sample.set_table("other");
  sample.set_rows(5);
  stream->Write(sample);
  stream->WritesDone();
  SampleReply reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.inserted(), 40);
  EXPECT_EQ(Stats("other")->sampled(), 5);
  EXPECT_EQ(Stats("")->sampled(), 0);
  (void)stream->Finish();
}

TEST_F(NamedTablesTest, ARestartedShardHasThemAgainOnceTheLearnerAsks) {
  CreateTableRequest own = TableRequest();
  own.set_durability(DURABILITY_WAL);
  own.set_restore("newest");
  ASSERT_OK(CreateTable(stub_.get(), own));
  ASSERT_OK(CreateTable(stub_.get(), Named("b", own)));
  Insert("", 2);
  Insert("b", 5);
  ASSERT_OK(Save("b", "half"));
  Insert("b", 2, 10, 5);  // in the log alone
  Restart();
  EXPECT_THAT(Stats("b"), FailsWith(kAway, "no table \"b\" now"));
  InsertHello hello = Hello();
  hello.set_table("b");
  TestWriter early(stub_.get(), hello);
  early.SayHello();
  EXPECT_THAT(early.Finish(), FailsWith(kAway, "once the learner has made it"));
  auto reply = CreateTable(stub_.get(), Named("b", own));
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "half");
  EXPECT_EQ(reply->stats().inserted(), 70);
  reply = CreateTable(stub_.get(), own);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "log");
  EXPECT_EQ(reply->stats().inserted(), 20);
  Insert("b", 1, 10, 7);
}

TEST_F(NamedTablesTest, TheEndSavesAllOfThem) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  ASSERT_OK(CreateTable(stub_.get(), Named("x")));
  ASSERT_OK(CreateTable(stub_.get(), Named("y")));
  Insert("", 1);
  Insert("x", 2);
  Insert("y", 3);
  shard_->service()->Drain(std::chrono::milliseconds(100));
  shard_->Stop();
  ASSERT_OK(shard_->service()->SaveAtEnd());
  EXPECT_EQ(ReplayTable::FromFile(folder_.File("aside-1.table"))->size(), 10);
  EXPECT_EQ(ReplayTable::FromFile(folder_.File("tables/x/aside-1.table"))->size(), 20);
  EXPECT_EQ(ReplayTable::FromFile(folder_.File("tables/y/aside-1.table"))->size(), 30);
}

TEST_F(NamedTablesTest, ADrainingShardTellsTheWritersOfAllToLeave) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  ASSERT_OK(CreateTable(stub_.get(), Named("x")));
  InsertHello hello = Hello();
  hello.set_table("x");
  TestWriter writer(stub_.get(), hello);
  EXPECT_FALSE(writer.SayHello().draining());
  shard_->service()->Drain(std::chrono::milliseconds(0));
  EXPECT_TRUE(writer.SendAndWait(RowsOf(0, 10)).draining());
  TestWriter late(stub_.get(), hello);
  late.SayHello();
  EXPECT_THAT(late.Finish(), FailsWith(kAway, "takes no rows now"));
}

TEST_F(NamedTablesTest, WhatSetsOneTableBackLeavesTheOthersWritersAlone) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  ASSERT_OK(CreateTable(stub_.get(), Named("x")));
  Insert("x", 2);
  ASSERT_OK(Save("x", "before"));
  TestWriter own(stub_.get(), Hello());
  own.SayHello();
  InsertHello hello = Hello(/*epoch=*/0, /*first_seq_held=*/2);
  hello.set_table("x");
  TestWriter writer(stub_.get(), hello);
  EXPECT_EQ(writer.SayHello().next_seq(), 2u);
  EXPECT_EQ(writer.SendAndWait(RowsOf(2, 10)).next_seq(), 3u);
  CreateTableRequest back = Named("x");
  back.set_restore("before");
  ASSERT_OK(CreateTable(stub_.get(), back));
  EXPECT_FALSE(writer.Finish().ok()) << "it must come back with a hello";
  EXPECT_EQ(Inserted("x"), 20);
  EXPECT_EQ(own.SendAndWait(RowsOf(0, 10)).next_seq(), 1u);
  EXPECT_OK(own.Finish());
}

TEST_F(NamedTablesTest, TheLimiterOfOneIsNotTheOthers) {
  ASSERT_OK(CreateTable(stub_.get(), LimitedTableRequest()));
  ASSERT_OK(CreateTable(stub_.get(), Named("x", LimitedTableRequest())));
  grpc::ClientContext context;
  SetDeadline(&context, kCallMax);
  SetLimiterRequest change;
  change.set_table("x");
  change.set_samples_per_insert(0.5);
  SetLimiterReply reply;
  ASSERT_OK(FromGrpc(stub_->SetLimiter(&context, change, &reply)));
  grpc::ClientContext again;
  SetDeadline(&again, kCallMax);
  ASSERT_OK(FromGrpc(stub_->SetLimiter(&again, SetLimiterRequest(), &reply)));
  EXPECT_EQ(reply.samples_per_insert(), 1.0);
}

TEST_F(NamedTablesTest, SomebodyElseThanTheLearnerMayHaveOneSaved) {
  EXPECT_THAT(Save("x", "", /*learner=*/false), FailsWith(kAway, "no table \"x\""));
  ASSERT_OK(CreateTable(stub_.get(), Named("x")));
  EXPECT_THAT(Save("", "", /*learner=*/false), FailsWith(kAway, "no table yet"));
  ASSERT_OK(Save("x", "", /*learner=*/false));
  EXPECT_EQ(saved_, "aside-1");
  EXPECT_TRUE(std::filesystem::exists(folder_.File("tables/x/aside-1.table")));
}

TEST_F(NamedTablesTest, AShardHasEightAtMostAndOneThatCannotBeTakesNoPlace) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  CreateTableRequest impossible = Named("never");
  impossible.set_n_step(0);
  for (int i = 0; i < 2 * kTablesMax; ++i) {
    EXPECT_THAT(CreateTable(stub_.get(), impossible), IsInvalid("n_step"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.File("tables")));
  for (int i = 1; i < kTablesMax; ++i) {
    ASSERT_OK(CreateTable(stub_.get(), Named(std::string(1, static_cast<char>('a' + i)))));
  }
  EXPECT_THAT(CreateTable(stub_.get(), Named("more")),
              FailsWith(kRefused, "\"more\" would be one"));
  EXPECT_OK(CreateTable(stub_.get(), Named("b")));
  EXPECT_EQ(Stats("")->tables_size(), kTablesMax - 1);
}

TEST_F(NamedTablesTest, AnotherTableOfTheSameNameIsRefused) {
  ASSERT_OK(CreateTable(stub_.get(), Named("x")));
  CreateTableRequest other = Named("x");
  other.set_capacity(20'000);
  EXPECT_THAT(CreateTable(stub_.get(), other), FailsWith(kRefused, "capacity: 10000 -> 20000"));
}

// Every call that can name a table, with names that are none.
TEST_F(NamedTablesTest, ANameThatIsNoneIsRefusedByEveryCallAndMakesNoFolder) {
  ASSERT_OK(CreateTable(stub_.get(), TableRequest()));
  const std::vector<std::string> names = {"A",    "..",  "a/b",
                                          "a b",  "a.b", std::string(33, 'a'),
                                          "\x01", "a_b", std::string(1 << 20, 'x')};
  for (const std::string& name : names) {
    EXPECT_THAT(CreateTable(stub_.get(), Named(name)), IsInvalid("table must be 1 to 32"));
    EXPECT_THAT(Stats(name), IsInvalid("table must be 1 to 32"));
    EXPECT_THAT(Save(name, "n"), IsInvalid("table must be 1 to 32"));
    EXPECT_THAT(Save(name, "", /*learner=*/false), IsInvalid("table must be 1 to 32"));
    InsertHello hello = Hello();
    hello.set_table(name);
    TestWriter writer(stub_.get(), hello);
    writer.SayHello();
    EXPECT_THAT(writer.Finish(), IsInvalid("table must be 1 to 32"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.File("tables")));
}

// As the learner's call makes one; whatever it says, the shard's folder holds nothing else.
TEST(TableSetTest, ATableOfAnyNumbersAndNameIsRefusedOrMade) {
  CreateTableRequest honest = Named("beside", LimitedTableRequest());
  honest.set_restore("newest");
  int made = 0, refused = 0;
  ForEachHostile(honest, {.bytes = 1 << 10, .elements = 40},
                 [&](const std::string& what, const CreateTableRequest& request) {
                   TempDir folder;
                   TableSet tables(folder.path());
                   std::vector<std::string> warnings;
                   const auto table = tables.Make(request, &warnings);
                   ++(table.ok() ? made : refused);
                   if (!table.ok()) {
                     EXPECT_TRUE(absl::IsInvalidArgument(table.status())) << what;
                     EXPECT_EQ(tables.All().size(), 1u) << what;
                     return;
                   }
                   CreateTableReply reply;
                   (*table)->streams()->Close();
                   (void)(*table)->Open(request, &reply, &warnings);
                   (void)(*table)->Stats();
                   for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
                     EXPECT_TRUE(entry.path().filename() == "tables" || request.table().empty());
                   }
                 });
  EXPECT_GT(made, 20);
  EXPECT_GT(refused, 20);
}

TEST(TableNameTest, SaysFieldValueAndWhatItMustBe) {
  EXPECT_OK(CheckTableName("--table", ""));
  EXPECT_OK(CheckTableName("--table", "demos-2"));
  EXPECT_OK(CheckTableName("--table", std::string(32, 'z')));
  EXPECT_THAT(CheckTableName("--table", "Demos"),
              IsInvalid("--table must be 1 to 32 characters of a-z, 0-9 and -, or empty for the "
                        "run's own table, got \"Demos\" of 5 bytes"));
}

}  // namespace
}  // namespace pmoe
