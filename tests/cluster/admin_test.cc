// An admin's certificate against a run of `pmoe up --tcp`: it may load, save and ask, and cannot
// speak for the learner, whatever it writes into the fields that name one.
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "common/base/build_info.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "proto/replay.grpc.pb.h"
#include "proto/run.grpc.pb.h"
#include "replay/core/replay_shard.h"
#include "replay/core/stream_book.h"
#include "replay/wire/chunk_codec.h"
#include "replay/wire/table_request.h"
#include "tests/cluster/cluster_testing.h"
#include "tests/replay/replay_testing.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::milliseconds kCall(20'000);
constexpr std::chrono::milliseconds kHeld(4000);
constexpr uint64_t kLaterLife = uint64_t{1} << 62;
constexpr uint32_t kNeverPublished = 2'000'000'000;
const TableSpec kPendulum = {.obs_dim = 4, .action_dim = 1};

class AdminTest : public ::testing::Test {
 protected:
  void SetUp() override {
    PrepareGrpc();
    ASSERT_TRUE(Eventually([&] { return cluster_.Updates() > 20; }));
    const nlohmann::json status = cluster_.Status();
    for (const auto& member : status["members"]) {
      if (member["role"] == "RUN_ROLE_REPLAY") shard_ = member["process"]["listen_address"];
    }
    later_.set_run_id(status["run_id"]);
    later_.set_learner_epoch(kLaterLife);
    admin_ = ReplayService::NewStub(Channel(shard_, PeerRole::kReplay, Security("admin")));
  }

  RpcSecurity Security(const std::string& role) const {
    const std::string folder(absl::StripPrefix(
        absl::StripAsciiWhitespace(*ReadFile(cluster_.directory() + "/up.security")), "tls "));
    auto security = RpcSecurity::FromFolder(fs::path(folder).parent_path() / role);
    EXPECT_OK(security);
    return *std::move(security);
  }
  static std::shared_ptr<grpc::Channel> Channel(const std::string& address, PeerRole server,
                                                const RpcSecurity& security) {
    return MakeChannel(*security.ParseAddress(address, "the test's"), server, security);
  }

  // One row of a file, as if the learner's next life loaded it.
  absl::Status Load() {
    grpc::ClientContext context;
    SetDeadline(&context, kCall);
    LoadReply reply;
    const auto stream = admin_->Load(&context, &reply);
    LoadRequest request;
    *request.mutable_hello()->mutable_columns() = ColumnsOf(kPendulum);
    *request.mutable_hello()->mutable_learner() = later_;
    Chunk chunk = MakeChunk(kPendulum, {.actor = StreamBook::kLoader, .rows = 4});
    chunk.policy_version.assign(4, 0);
    EncodeChunk(chunk, request.add_chunks());
    stream->Write(request);
    stream->WritesDone();
    return FromGrpc(stream->Finish());
  }
  absl::Status Save() {
    grpc::ClientContext context;
    SetDeadline(&context, kCall);
    CheckpointRequest request;
    *request.mutable_learner() = later_;
    request.set_name("of-a-later-life");
    CheckpointReply reply;
    return FromGrpc(admin_->Checkpoint(&context, request, &reply));
  }
  absl::Status Ask() {
    grpc::ClientContext context;
    SetDeadline(&context, kCall);
    GetStatsRequest request;
    *request.mutable_learner() = later_;
    request.set_newest_version(kNeverPublished);
    TableStats reply;
    return FromGrpc(admin_->GetStats(&context, request, &reply));
  }

  // Whether the shard takes rows of weights that nobody published, from a member of the run. It
  // holds them: the learner's word may be on its way.
  bool Believed() {
    const RpcSecurity security = Security("actor");
    const std::string learner(
        absl::StripAsciiWhitespace(*ReadFile(cluster_.directory() + "/learner.address")));
    JoinRequest join;
    join.set_role(RUN_ROLE_ACTOR);
    join.mutable_process()->set_build_id(BuildId());
    JoinReply joined;
    grpc::ClientContext joining, inserting;
    const auto run = RunService::NewStub(Channel(learner, PeerRole::kLearner, security));
    EXPECT_OK(FromGrpc(run->Join(&joining, join, &joined)));
    SetDeadline(&inserting, kHeld);
    const auto replay = ReplayService::NewStub(Channel(shard_, PeerRole::kReplay, security));
    const auto stream = replay->Insert(&inserting);
    InsertRequest request;
    const Seat& seat = joined.seat();
    request.mutable_hello()->set_run_id(seat.run_id());
    request.mutable_hello()->set_actor(seat.index());
    request.mutable_hello()->set_epoch(seat.epoch());
    request.mutable_hello()->set_seat_signature(seat.signature());
    InsertReply reply;
    EXPECT_TRUE(stream->Write(request) && stream->Read(&reply));
    Chunk chunk = MakeChunk(kPendulum, {.actor = seat.index(), .epoch = seat.epoch(), .rows = 4});
    chunk.policy_version.assign(4, kNeverPublished);
    request.Clear();
    EncodeChunk(chunk, request.add_chunks());
    return stream->Write(request) && stream->Read(&reply);
  }

  TempDir dir_;
  Cluster cluster_{dir_.File("run"),
                   SmallFlags("InvertedPendulum-v5",
                              {"--steps", "100000000", "--tcp", "--out", dir_.File("run")})};
  std::string shard_;
  LearnerId later_;
  std::unique_ptr<ReplayService::Stub> admin_;
};

TEST_F(AdminTest, ItDoesNotSpeakForTheLearner) {
  EXPECT_OK(Load());
  EXPECT_OK(Save());
  EXPECT_OK(Ask());
  // Nothing under the name it asked for, and the learner is still the shard's.
  EXPECT_FALSE(fs::exists(cluster_.directory() + "/replay/shard-0/of-a-later-life.table"));
  const int64_t updates = cluster_.Updates();
  EXPECT_TRUE(Eventually([&] { return cluster_.Updates() > updates + 50; }));
  // The version that it named is no reason to believe an actor's.
  EXPECT_FALSE(Believed());
  for (const Cluster::Member& member : cluster_.Members()) EXPECT_EQ(member.restarts, 0);
}

}  // namespace
}  // namespace pmoe
