// Over TLS a member is what its certificate says, whatever its messages claim.
#include "control/service/claim.h"

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
  absl::StatusOr<RpcSecurity> Security(PeerRole role) {
    return RpcSecurity::FromFolder(authority_.WriteFolder(dir_.File(PeerRoleName(role)), role));
  }
  std::unique_ptr<RunService::Stub> Connect(PeerRole role) {
    const auto security = Security(role);
    EXPECT_OK(security);
    return RunService::NewStub(MakeChannel(server_->address(), PeerRole::kLearner, *security));
  }
  absl::Status Join(PeerRole role, RunRole claimed) {
    grpc::ClientContext context;
    SetDeadline(&context, std::chrono::milliseconds(5000));
    JoinReply reply;
    return FromGrpc(Connect(role)->Join(&context, MakeJoin(claimed, 1), &reply));
  }
  absl::Status Follow(PeerRole role, RunRole claimed) {
    grpc::ClientContext context;
    SetDeadline(&context, std::chrono::milliseconds(5000));
    const auto stub = Connect(role);
    const auto stream = stub->Follow(&context);
    FollowerMessage first;
    first.set_role(claimed);
    stream->Write(first);
    stream->WritesDone();
    return FromGrpc(stream->Finish());
  }

  TempDir dir_;
  const TestAuthority authority_;
  RunHub hub_{[] {
    RunHubOptions options;
    options.roster = SmallRoster(/*lockstep=*/false, 1);
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

}  // namespace
}  // namespace pmoe
