// Mutual TLS between real servers and clients: who gets through, and what the others are told.
#include "common/rpc/security.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/rpc/callers.h"
#include "common/rpc/refusals.h"
#include "common/rpc/server.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/tls_credentials_options.h"
#include "proto/replay.grpc.pb.h"
#include "proto/run.grpc.pb.h"
#include "tests/common/rpc/any_call.h"
#include "tests/testing/certificates.h"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using absl::StatusCode;

constexpr char kHealth[] = "/grpc.health.v1.Health/Check";
constexpr char kStatus[] = "/pmoe.RunService/GetStatus";
constexpr std::chrono::seconds kReloadLimit(20);

const Validity kExpired = {absl::Now() - absl::Hours(48), absl::Now() - absl::Hours(24)};

int64_t Refused(absl::string_view caller) {
  return Refusals::OfProcess().Counts()[std::string(caller)];
}

class SecurityTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { PrepareGrpc(); }

  void SetUp() override { StartServer(Folder(PeerRole::kLearner)); }

  // Every handler answers UNIMPLEMENTED: that is what a call that got through ends with.
  void StartServer(const std::string& folder) {
    auto security = RpcSecurity::FromFolder(folder);
    ASSERT_OK(security);
    auto server =
        RpcServer::Start(*ParseRpcAddress("127.0.0.1:0", "test"), {&run_, &replay_}, *security);
    ASSERT_OK(server);
    server_ = *std::move(server);
  }
  std::string Folder(PeerRole role, const Validity& validity = NowFor(30)) {
    return authority_.WriteFolder(dir_.File(PeerRoleName(role)), role, validity);
  }
  std::shared_ptr<grpc::Channel> Connect(const std::string& folder,
                                         std::optional<PeerRole> server = PeerRole::kLearner) {
    const auto security = RpcSecurity::FromFolder(folder);
    EXPECT_OK(security);
    return MakeChannel(server_->address(), server, *security);
  }
  // As a client that does not check itself: it shows what lies in `folder`, or nothing.
  std::shared_ptr<grpc::Channel> ConnectUnchecked(const std::string& folder, bool show) {
    const IdentityFiles files(folder);
    grpc::experimental::TlsChannelCredentialsOptions options;
    options.set_certificate_provider(
        std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
            show ? files.key : "", show ? files.cert : "", files.ca, 1));
    options.watch_root_certs();
    if (show) options.watch_identity_key_cert_pairs();
    options.set_check_call_host(false);
    options.set_certificate_verifier(
        std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
    return grpc::CreateChannel(server_->address().Text(),
                               grpc::experimental::TlsCredentials(options));
  }
  // New connections until one ends so; false when none did in time.
  bool Until(const std::string& folder, StatusCode code) {
    return Eventually(
        [&] { return CallAny(ConnectUnchecked(folder, true), kHealth).code() == code; },
        kReloadLimit);
  }
  void ExpectUnverified(const std::shared_ptr<grpc::Channel>& channel) {
    const int64_t before = Refused(kUnverified);
    EXPECT_THAT(CallAny(channel, kHealth), FailsWith(StatusCode::kUnavailable, ""));
    EXPECT_GT(Refused(kUnverified), before);
  }

  TempDir dir_;
  const TestAuthority authority_;
  RunService::Service run_;
  ReplayService::Service replay_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(SecurityTest, EveryRoleIsServedHealth) {
  for (const PeerRole role : AllPeerRoles()) {
    EXPECT_OK(CallAny(Connect(Folder(role), std::nullopt), kHealth));
  }
}

TEST_F(SecurityTest, EachMethodIsRefusedToEveryRoleThatIsNotItsCaller) {
  for (const PeerRole role : AllPeerRoles()) {
    // The learner's folder is the server's own, and stays.
    const auto channel =
        Connect(authority_.WriteFolder(dir_.File("caller"), role), PeerRole::kLearner);
    for (const char* method :
         {"RunService/Join", "RunService/Follow", "RunService/GetStatus",
          "ReplayService/CreateTable", "ReplayService/Insert", "ReplayService/Sample",
          "ReplayService/Commit", "ReplayService/Checkpoint", "ReplayService/CutActor",
          "ReplayService/UpdatePriorities", "ReplayService/GetStats",
          "ReplayService/TakeRollout"}) {
      const std::string path = absl::StrCat("/pmoe.", method);
      const bool may = CheckMayCall(role, path).ok();
      const int64_t before = Refused(PeerRoleName(role));
      const absl::Status status = CallAny(channel, path);
      EXPECT_EQ(status.code(), may ? StatusCode::kUnimplemented : StatusCode::kPermissionDenied)
          << PeerRoleName(role) << " " << path << " " << status;
      EXPECT_EQ(Refused(PeerRoleName(role)) - before, may ? 0 : 1) << path;
    }
  }
}

TEST_F(SecurityTest, AnActorThatAsksForTheLearnersMethodIsToldSo) {
  EXPECT_THAT(CallAny(Connect(Folder(PeerRole::kActor)), "/pmoe.ReplayService/Sample"),
              FailsWith(StatusCode::kPermissionDenied,
                        "the certificate is of role actor, which may not call "
                        "/pmoe.ReplayService/Sample; only learner may"));
}

TEST_F(SecurityTest, AServerOfAnotherRoleIsNotCalled) {
  EXPECT_THAT(CallAny(Connect(Folder(PeerRole::kActor), PeerRole::kReplay), kHealth),
              FailsWith(StatusCode::kUnavailable,
                        "its certificate is of role learner, not replay; is the address right?"));
}

TEST_F(SecurityTest, AServerOfAnotherClusterIsNotCalled) {
  // Even where both clusters trust each other's authority.
  const TestAuthority other("other");
  const std::string folder =
      other.WriteFolder(dir_.File("x"), PeerRole::kActor, NowFor(30), authority_.pem());
  EXPECT_THAT(CallAny(Connect(folder), kHealth),
              FailsWith(StatusCode::kUnavailable, "it belongs to the cluster pmoe"));
}

TEST_F(SecurityTest, ACallerOfAnotherClusterIsRefused) {
  const TestAuthority other("other");
  const std::string caller =
      other.WriteFolder(dir_.File("x"), PeerRole::kAdmin, NowFor(30), authority_.pem());
  StartServer(authority_.WriteFolder(dir_.File("y"), PeerRole::kLearner, NowFor(30), other.pem()));
  const int64_t before = Refused(kUnverified);
  EXPECT_THAT(CallAny(ConnectUnchecked(caller, /*show=*/true), kStatus),
              FailsWith(StatusCode::kUnauthenticated, "names no role of the cluster pmoe"));
  EXPECT_EQ(Refused(kUnverified), before + 1);
}

TEST_F(SecurityTest, NoCertificateIsRefused) {
  ExpectUnverified(ConnectUnchecked(Folder(PeerRole::kAdmin), /*show=*/false));
}

TEST_F(SecurityTest, AnotherAuthoritysCertificateIsRefused) {
  const TestAuthority other;
  ExpectUnverified(ConnectUnchecked(
      other.WriteFolder(dir_.File("x"), PeerRole::kAdmin, NowFor(30), authority_.pem()), true));
}

TEST_F(SecurityTest, AnExpiredCertificateIsRefused) {
  ExpectUnverified(ConnectUnchecked(Folder(PeerRole::kAdmin, kExpired), /*show=*/true));
}

TEST_F(SecurityTest, AServerOfAnotherAuthorityIsNotCalled) {
  const TestAuthority other;
  ExpectUnverified(Connect(other.WriteFolder(dir_.File("x"), PeerRole::kAdmin)));
}

TEST_F(SecurityTest, ACallerWithoutTlsIsRefused) {
  ExpectUnverified(
      grpc::CreateChannel(server_->address().Text(), grpc::InsecureChannelCredentials()));
}

TEST_F(SecurityTest, ARenewedCertificateCountsWithoutARestart) {
  const std::string caller = Folder(PeerRole::kAdmin);
  ASSERT_TRUE(Until(caller, StatusCode::kOk));
  // The server's ends under it, and a client does not take that; then it is renewed.
  Folder(PeerRole::kLearner, kExpired);
  EXPECT_TRUE(Until(caller, StatusCode::kUnavailable));
  Folder(PeerRole::kLearner);
  EXPECT_TRUE(Until(caller, StatusCode::kOk));
}

TEST_F(SecurityTest, AnAuthorityThatIsReplacedCountsWithoutARestart) {
  const TestAuthority other;
  const std::string caller = other.WriteFolder(dir_.File("x"), PeerRole::kAdmin);
  EXPECT_THAT(CallAny(ConnectUnchecked(caller, true), kHealth),
              FailsWith(StatusCode::kUnavailable, ""));
  other.WriteFolder(dir_.File("learner"), PeerRole::kLearner);
  EXPECT_TRUE(Until(caller, StatusCode::kOk));
}

TEST_F(SecurityTest, AClientsCertificateIsReadAnewToo) {
  const std::string folder = Folder(PeerRole::kAdmin);
  const auto security = RpcSecurity::FromFolder(folder);
  ASSERT_OK(security);
  Folder(PeerRole::kAdmin, kExpired);
  const auto fails = [&] {
    return !CallAny(MakeChannel(server_->address(), PeerRole::kLearner, *security), kHealth).ok();
  };
  EXPECT_TRUE(Eventually(fails, kReloadLimit));
  EXPECT_THAT(security->Hint(absl::UnavailableError("Socket closed")),
              ::testing::HasSubstr("/cert.pem expired on"));
}

TEST_F(SecurityTest, UnixSocketsStayPlain) {
  const auto security = RpcSecurity::FromFolder(Folder(PeerRole::kActor));
  ASSERT_OK(security);
  const auto address = security->ParseAddress("unix:" + dir_.File("s"), "test");
  ASSERT_OK(address);
  const auto server = RpcServer::Start(*address, {&run_}, *security);
  ASSERT_OK(server);
  EXPECT_OK(CallAny(MakeChannel(*address, PeerRole::kLearner, {}), kHealth));
}

TEST_F(SecurityTest, AnAddressIsTakenOnlyWhereItIsProtected) {
  const RpcSecurity none, insecure = RpcSecurity::InsecureLoopback();
  const auto tls = RpcSecurity::FromFolder(Folder(PeerRole::kActor));
  ASSERT_OK(tls);
  for (const RpcSecurity& any : {none, insecure, *tls}) {
    EXPECT_OK(any.ParseAddress("unix:/tmp/s", "--learner"));
  }
  EXPECT_OK(insecure.ParseAddress("127.0.0.1:7000", "--learner"));
  EXPECT_OK(tls->ParseAddress("127.0.0.1:7000", "--learner"));
  EXPECT_OK(tls->ParseAddress("learner.example.org:7000", "--learner"));
  EXPECT_THAT(none.ParseAddress("127.0.0.1:7000", "--learner"),
              IsInvalid("--learner 127.0.0.1:7000 is TCP, which needs certificates: give --tls DIR "
                        "(make one with `pmoe certs init --out certs`), or --insecure"));
  EXPECT_THAT(none.ParseAddress("0.0.0.0:7000", "--listen"), IsInvalid("give --tls DIR"));
  EXPECT_THAT(insecure.ParseAddress("0.0.0.0:7000", "--listen"),
              IsInvalid("can be reached by others, and --insecure is for loopback only"));
}

TEST_F(SecurityTest, AChannelThatMayNotBePlainFailsItsCalls) {
  EXPECT_FALSE(CallAny(MakeChannel(server_->address(), PeerRole::kLearner, {}), kHealth).ok());
}

}  // namespace
}  // namespace pmoe
