// Over TLS a member is what its certificate says, whatever its messages claim.
#include "control/wire/claim.h"

#include <gtest/gtest.h>

#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "common/rpc/server.h"
#include "control/service/run_service.h"
#include "tests/control/service/service_testing.h"
#include "tests/testing/certificates.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

constexpr auto kDenied = absl::StatusCode::kPermissionDenied;

class ClaimTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto security = Security(PeerRole::kLearner);
    ASSERT_OK(security);
    auto server = RpcServer::Start(*ParseRpcAddress("127.0.0.1:0", "test"), {&service_}, *security);
    ASSERT_OK(server);
    server_ = *std::move(server);
  }
  absl::StatusOr<RpcSecurity> Security(PeerRole role, const std::string& name = "1") {
    const std::string folder = dir_.File(absl::StrCat(PeerRoleName(role), "-", name));
    return RpcSecurity::FromFolder(authority_.WriteFolder(folder, role, NowFor(30), "", name));
  }
  // With a certificate of that role and name.
  std::unique_ptr<RunService::Stub> Connect(PeerRole role, const std::string& name = "1") {
    const auto security = Security(role, name);
    EXPECT_OK(security);
    return RunService::NewStub(MakeChannel(server_->address(), PeerRole::kLearner, *security));
  }
  static absl::StatusOr<Seat> Join(RunService::Stub* stub, const JoinRequest& request) {
    grpc::ClientContext context;
    SetDeadline(&context, std::chrono::milliseconds(5000));
    JoinReply reply;
    const absl::Status status = FromGrpc(stub->Join(&context, request, &reply));
    if (!status.ok()) return status;
    return reply.seat();
  }
  absl::Status Join(PeerRole role, RunRole claimed) {
    return Join(Connect(role).get(), MakeJoin(claimed, 1)).status();
  }
  static absl::Status Follow(RunService::Stub* stub, RunRole claimed, const Seat& seat = Seat()) {
    grpc::ClientContext context;
    SetDeadline(&context, std::chrono::milliseconds(5000));
    const auto stream = stub->Follow(&context);
    stream->Write(MakeFirst(claimed, seat));
    stream->WritesDone();
    return FromGrpc(stream->Finish());
  }
  absl::Status Follow(PeerRole role, RunRole claimed) {
    return Follow(Connect(role).get(), claimed);
  }

  TempDir dir_;
  const TestAuthority authority_;
  RunHub hub_{[] {
    RunHubOptions options;
    options.roster = SmallRoster(/*lockstep=*/false, 1);
    options.roster.shards = 2;
    options.config.mutable_env()->set_id("Task-v0");
    return options;
  }()};
  EvaluationBacklog backlog_{EvaluationBacklog::Keep::kNewest};
  RunServiceImpl service_{&hub_, &backlog_};
  std::unique_ptr<RpcServer> server_;  // goes before the service
};

TEST_F(ClaimTest, AnActorsCertificateJoinsAsActorAndAsEvaluator) {
  EXPECT_OK(Join(PeerRole::kActor, RUN_ROLE_ACTOR));
  EXPECT_OK(Join(PeerRole::kActor, RUN_ROLE_EVALUATOR));
  EXPECT_OK(Join(PeerRole::kReplay, RUN_ROLE_REPLAY));
}

TEST_F(ClaimTest, AnActorsCertificateMakesNoReplayShard) {
  EXPECT_THAT(Join(PeerRole::kActor, RUN_ROLE_REPLAY),
              FailsWith(kDenied, "of role actor, which cannot join as replay"));
  EXPECT_THAT(Follow(PeerRole::kActor, RUN_ROLE_REPLAY), FailsWith(kDenied, "of role actor"));
}

TEST_F(ClaimTest, AReplaysCertificateMakesNoActor) {
  EXPECT_THAT(Join(PeerRole::kReplay, RUN_ROLE_ACTOR),
              FailsWith(kDenied, "give --tls the folder of role actor"));
  EXPECT_THAT(Follow(PeerRole::kReplay, RUN_ROLE_EVALUATOR), FailsWith(kDenied, "of role replay"));
}

TEST_F(ClaimTest, ACertificateOfOneMemberGetsItsSeatAndNoOther) {
  const auto any = Join(Connect(PeerRole::kActor).get(), MakeJoin(RUN_ROLE_ACTOR, 1));
  ASSERT_OK(any);
  EXPECT_EQ(any->index(), 0u);
  // The seat of another, with its true signature, is of no use with it.
  const auto third = Connect(PeerRole::kActor, "seat-3");
  JoinRequest stolen = MakeJoin(RUN_ROLE_ACTOR, 1);
  *stolen.mutable_previous() = *any;
  const auto seat = Join(third.get(), stolen);
  ASSERT_OK(seat);
  EXPECT_EQ(seat->index(), 3u);
  EXPECT_THAT(
      Follow(third.get(), RUN_ROLE_ACTOR, *any),
      FailsWith(kDenied, "spiffe://pmoe/actor/seat-3 is good for actor 3 alone, not for actor 0"));
  EXPECT_OK(Follow(third.get(), RUN_ROLE_ACTOR, *seat));
}

TEST_F(ClaimTest, ACertificateOfOneMemberWaitsForItsSeatAndIsToldOfOneThatIsNot) {
  const auto second = Connect(PeerRole::kReplay, "seat-1");
  ASSERT_OK(Join(second.get(), MakeJoin(RUN_ROLE_REPLAY, 1)));
  EXPECT_THAT(Join(second.get(), MakeJoin(RUN_ROLE_REPLAY, 2)),
              FailsWith(absl::StatusCode::kUnavailable, "replay 1 is taken: replay 1 (pid 1 on"));
  const auto beyond = Connect(PeerRole::kReplay, "seat-2");
  EXPECT_THAT(Join(beyond.get(), MakeJoin(RUN_ROLE_REPLAY, 3)),
              FailsWith(kDenied, "is good for replay 2 alone, and the run has 2"));
}

TEST_F(ClaimTest, TheEvaluatorsCertificateMakesNoActorNorAnActorsTheEvaluator) {
  const auto evaluator = Connect(PeerRole::kActor, "seat-evaluator");
  EXPECT_OK(Join(evaluator.get(), MakeJoin(RUN_ROLE_EVALUATOR, 1)));
  EXPECT_THAT(Join(evaluator.get(), MakeJoin(RUN_ROLE_ACTOR, 2)),
              FailsWith(kDenied, "is good for evaluator 0 alone, not for an actor"));
  EXPECT_THAT(Join(Connect(PeerRole::kActor, "seat-0").get(), MakeJoin(RUN_ROLE_EVALUATOR, 3)),
              FailsWith(kDenied, "is good for actor 0 alone, not for an evaluator"));
}

}  // namespace
}  // namespace pmoe
