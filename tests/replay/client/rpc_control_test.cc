// A learner's calls to real shards over unix sockets.
#include "replay/client/rpc_control.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <functional>

#include "replay/wire/table_request.h"
#include "tests/replay/service/stream_testing.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

RpcReplayOptions LockstepOptions() {
  RpcReplayOptions options = ServedOptions();
  options.table.set_lockstep(true);
  options.table.set_actors(2);
  options.table.set_first_round(1);
  return options;
}

// The first call to a shard that was restarted may find the old connection broken.
absl::Status OnceItAnswers(const std::function<absl::Status()>& call) {
  constexpr int kPoll_ms = 10, kPolls_max = 1000;
  absl::Status status = call();
  for (int i = 0; i < kPolls_max && absl::IsUnavailable(status); ++i) {
    ::poll(nullptr, 0, kPoll_ms);  // the channel's threads connect anew
    status = call();
  }
  return status;
}

class RpcControlTest : public ::testing::Test {
 protected:
  void Serve(RpcReplayControl* control, int i, const std::string& restore = "") {
    served_[i].reset();
    served_[i] = std::make_unique<ServedShard>(Folder(i));
    control->SetShardAddress(i, served_[i]->address());
    ASSERT_OK(OnceItAnswers([&] { return control->CreateTable(i, restore); }));
  }
  // More rows of the shard's only writer, in chunks of one.
  void Insert(int shard, uint32_t rows, uint32_t epoch = 0) {
    const auto stub = served_[shard]->Connect();
    TestWriter writer(stub.get(), Hello(epoch));
    const uint64_t seq = writer.SayHello().next_seq();
    for (uint32_t i = 0; i < rows; ++i) writer.SendAndWait(RowsOf(seq + i, 1, epoch));
    EXPECT_OK(writer.Finish());
  }
  bool HasFile(int i, const std::string& name) const {
    return std::filesystem::exists(Folder(i) + "/" + name + ".table");
  }
  std::string Folder(int i) const { return folder_.File(std::to_string(i)); }

  TempDir folder_;
  std::unique_ptr<ServedShard> served_[2];
};

TEST_F(RpcControlTest, ATableIsMadeOnceAndAnotherOneIsRefusedUnderTheShardsName) {
  RpcReplayControl control(ServedOptions());
  Serve(&control, 0);
  EXPECT_OK(control.CreateTable(0, ""));
  RpcReplayOptions other = ServedOptions();
  other.table.set_n_step(3);
  RpcReplayControl wanting(other);
  wanting.SetShardAddress(0, served_[0]->address());
  EXPECT_THAT(wanting.CreateTable(0, ""),
              FailsWith(kRefused, "replay 0 at " + served_[0]->address().Text()));
  EXPECT_THAT(wanting.CreateTable(0, ""), FailsWith(kRefused, "n_step"));
}

TEST_F(RpcControlTest, AShardThatIsNotThereIsUnavailable) {
  RpcReplayControl control(ServedOptions());
  EXPECT_THAT(control.Stats(), FailsWith(absl::StatusCode::kUnavailable, "has not joined"));
  control.SetShardAddress(0, *ParseRpcAddress("unix:" + folder_.path() + "/x", "--listen"));
  EXPECT_THAT(control.CreateTable(0, ""),
              FailsWith(absl::StatusCode::kUnavailable, "replay 0 at unix:"));
}

TEST_F(RpcControlTest, ARoundIsCommittedOnceEveryActorHasMarkedIt) {
  RpcReplayControl control(LockstepOptions());
  Serve(&control, 0);
  const auto stub = served_[0]->Connect();
  const auto send = [&stub](uint32_t actor) {
    TestWriter writer(stub.get(), Hello(0, 0, actor));
    writer.SayHello();
    writer.SendAndWait(
        MakeChunk(kServedSpec, {.actor = actor, .round = 1, .rows = 10, .last_of_round = true}));
    EXPECT_OK(writer.Finish());
  };
  send(0);
  EXPECT_THAT(control.Commit(1, milliseconds(10)),
              FailsWith(absl::StatusCode::kDeadlineExceeded, "waiting for actor 1"));
  send(1);
  EXPECT_OK(control.Commit(1, kCallMax));
  EXPECT_EQ(control.Stats()->inserted, 20);
}

// Two shards, with 10 and 20 rows.
class RpcControlOfTwoTest : public RpcControlTest {
 protected:
  RpcControlOfTwoTest() {
    for (int i = 0; i < 2; ++i) Serve(&control_, i);
    Insert(0, 10);
    Insert(1, 20);
  }
  RpcReplayControl control_{ServedOptions(2)};
};

TEST_F(RpcControlOfTwoTest, CountsAreSumsAndLimitersStandUnderTheirShard) {
  const absl::StatusOr<ReplayStats> stats = control_.Stats();
  ASSERT_OK(stats);
  EXPECT_EQ(stats->size, 30);
  EXPECT_EQ(stats->inserted, 30);
  EXPECT_EQ(stats->limiter, "shard 0: the rate limiter is off; shard 1: the rate limiter is off");
}

TEST_F(RpcControlOfTwoTest, AShardThatIsAwayCountsAsItWasLastSeen) {
  ASSERT_OK(control_.Stats());
  served_[1].reset();
  Insert(0, 10);
  EXPECT_EQ(control_.Stats()->inserted, 40);
  EXPECT_THAT(control_.Stats()->limiter, ::testing::HasSubstr("shard 1: away"));
  served_[0].reset();
  EXPECT_THAT(control_.Stats(), FailsWith(absl::StatusCode::kUnavailable, "replay 0 at"));
}

TEST_F(RpcControlOfTwoTest, InsertsNeverGoBackwardsWhenAShardIsRestarted) {
  EXPECT_EQ(control_.Stats()->inserted, 30);
  Serve(&control_, 1);  // nothing to load
  EXPECT_EQ(control_.Stats()->inserted, 30);
  EXPECT_EQ(control_.Stats()->size, 10);
  Insert(1, 5);
  EXPECT_EQ(control_.Stats()->inserted, 35);
}

TEST_F(RpcControlTest, RowsThatAShardGetsBackAreCountedOnce) {
  RpcReplayControl control(ServedOptions());
  Serve(&control, 0);
  Insert(0, 20);
  ASSERT_OK(control.Save("20"));
  Insert(0, 10);
  EXPECT_EQ(control.Stats()->inserted, 30);
  // A process that has no table yet counts nothing.
  served_[0].reset();
  served_[0] = std::make_unique<ServedShard>(Folder(0));
  ASSERT_OK(OnceItAnswers([&] { return control.Stats().status(); }));
  EXPECT_EQ(control.Stats()->inserted, 30);
  ASSERT_OK(control.CreateTable(0, "newest"));
  EXPECT_EQ(control.Stats()->inserted, 30);
  EXPECT_EQ(control.Stats()->size, 20);
  Insert(0, 1);
  EXPECT_EQ(control.Stats()->inserted, 31);
}

TEST_F(RpcControlTest, SavesLeaveThoseToKeepUntilTheyAreDone) {
  RpcReplayControl control(ServedOptions());
  Serve(&control, 0);
  Insert(0, 10);
  ASSERT_OK(control.Save("10"));
  ASSERT_OK(control.KeepOnly({"10"}));
  ASSERT_OK(control.Save("20"));  // its learner's part is not written: 10 must stay
  EXPECT_TRUE(HasFile(0, "10"));
  ASSERT_OK(control.Save("30"));
  EXPECT_TRUE(HasFile(0, "10"));
  EXPECT_FALSE(HasFile(0, "20"));
  ASSERT_OK(control.KeepOnly({"10", "30"}));
  ASSERT_OK(control.Save("40"));
  ASSERT_OK(control.KeepOnly({"30", "40"}));
  EXPECT_TRUE(HasFile(0, "10"));
  ASSERT_OK(control.Save("50"));
  EXPECT_FALSE(HasFile(0, "10"));
  EXPECT_TRUE(HasFile(0, "30"));
}

TEST_F(RpcControlOfTwoTest, RestoreSetsRowsBackOnEveryShard) {
  ASSERT_OK(control_.Save("30"));
  Insert(0, 7);
  EXPECT_EQ(control_.Stats()->inserted, 37);
  ASSERT_OK(control_.Restore("30"));
  EXPECT_EQ(control_.Stats()->inserted, 30);
  EXPECT_THAT(control_.Restore("31"), FailsWith(absl::StatusCode::kNotFound, "31.table"));
}

TEST_F(RpcControlTest, OnlyTheLifeThatIsGoneIsCut) {
  RpcReplayOptions options = ServedOptions();
  options.table.set_n_step(3);
  RpcReplayControl control(options);
  Serve(&control, 0);
  const auto stub = served_[0]->Connect();
  const auto eligible = [&stub] {
    TestSampler sampler(stub.get());
    SampleReply reply;
    sampler.Ask(0);
    sampler.Next(&reply);
    return reply.eligible();
  };
  Insert(0, 10, /*epoch=*/1);
  EXPECT_EQ(eligible(), 8);  // two wait for their later rewards
  ASSERT_OK(control.CutActor(0, 0, /*epoch=*/0));
  EXPECT_EQ(eligible(), 8);
  ASSERT_OK(control.CutActor(0, 0, /*epoch=*/1));
  EXPECT_EQ(eligible(), 10);
}

TEST_F(RpcControlTest, ALearnerThatWasSupersededIsRefused) {
  RpcReplayControl control(ServedOptions());
  Serve(&control, 0);
  RpcReplayOptions newer = ServedOptions();
  newer.learner.set_learner_epoch(2);
  RpcReplayControl successor(newer);
  successor.SetShardAddress(0, served_[0]->address());
  ASSERT_OK(successor.CreateTable(0, ""));
  EXPECT_THAT(control.Save("1"), FailsWith(kRefused, "superseded by epoch 2"));
}

TEST(RpcReplayOptionsTest, LockstepHasOneShard) {
  RpcReplayOptions options = LockstepOptions();
  EXPECT_OK(options.Validate());
  options.shards = 2;
  EXPECT_THAT(options.Validate(), IsInvalid("mode async"));
  options.shards = 0;
  EXPECT_THAT(options.Validate(), IsInvalid("shards must be"));
}

TEST(RpcReplayOptionsTest, SequencesAreOfTablesThatAreSampled) {
  RpcReplayOptions options = ServedOptions();
  options.sequence_rows = 8;
  EXPECT_OK(options.Validate());
  options.table.mutable_on_policy()->set_rollout_steps(64);
  EXPECT_THAT(options.Validate(), IsInvalid("sequence_rows must be >= 0, and 0 of an on-policy"));
  options = ServedOptions();
  options.sequence_rows = -1;
  EXPECT_THAT(options.Validate(), IsInvalid("got -1"));
}

TEST(RpcReplayOptionsTest, TheWindowMustHoldAChunkOfEveryShard) {
  RpcReplayOptions options = ServedOptions(4);
  TableLimiter* const limiter = options.table.mutable_limiter();
  limiter->set_min_size(1);
  limiter->set_samples_per_insert(2.0);
  limiter->set_error_window(200.0);
  limiter->set_sample_max(1);
  EXPECT_THAT(options.Validate(), IsInvalid(">= 512"));
}

}  // namespace
}  // namespace pmoe
