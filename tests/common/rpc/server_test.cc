// Real servers on unix sockets and loopback ports.
#include "common/rpc/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <thread>

#include "common/rpc/channel.h"
#include "proto/health.grpc.pb.h"
#include "proto/run.grpc.pb.h"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckResponse;
using std::chrono::milliseconds;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

RpcAddress UnixAddress(const std::string& path) {
  RpcAddress address;
  address.is_unix = true;
  address.path = path;
  return address;
}

absl::StatusOr<std::unique_ptr<RpcServer>> Start(const RpcAddress& address) {
  return RpcServer::Start(address, {}, RpcSecurity::InsecureLoopback());
}

// UNKNOWN: no answer.
HealthCheckResponse::ServingStatus AskHealth(const RpcAddress& address) {
  const auto stub =
      Health::NewStub(MakeChannel(address, std::nullopt, RpcSecurity::InsecureLoopback()));
  grpc::ClientContext context;
  SetDeadline(&context, milliseconds(5000));
  HealthCheckResponse reply;
  if (!stub->Check(&context, {}, &reply).ok()) return HealthCheckResponse::UNKNOWN;
  return reply.status();
}

// A socket file as a killed process leaves it: bound, and nobody listens.
void LeaveStaleSocket(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  ::close(fd);
}

class RpcServerTest : public ::testing::Test {
 protected:
  TempDir folder_;
  const RpcAddress unix_ = UnixAddress(folder_.File("s.sock"));
};

TEST_F(RpcServerTest, PicksAFreePortAndSaysWhich) {
  const auto server = Start(*ParseRpcAddress("127.0.0.1:0", "--listen"));
  ASSERT_OK(server);
  EXPECT_GT((*server)->address().port, 0);
  EXPECT_EQ(AskHealth((*server)->address()), HealthCheckResponse::SERVING);
}

TEST_F(RpcServerTest, APortInUseIsRefused) {
  const auto first = Start(*ParseRpcAddress("127.0.0.1:0", "--listen"));
  ASSERT_OK(first);
  const RpcAddress taken = (*first)->address();
  EXPECT_THAT(Start(taken),
              FailsWith(kRefused, "cannot listen on " + taken.Text() + ": another process does"));
}

TEST_F(RpcServerTest, ASocketInUseIsRefusedAndItsServerGoesOn) {
  const auto first = Start(unix_);
  ASSERT_OK(first);
  EXPECT_THAT(Start(unix_), FailsWith(kRefused, "another process does"));
  EXPECT_EQ(AskHealth(unix_), HealthCheckResponse::SERVING);
}

TEST_F(RpcServerTest, AStaleSocketIsReplaced) {
  LeaveStaleSocket(unix_.path);
  const auto server = Start(unix_);
  ASSERT_OK(server);
  EXPECT_EQ(AskHealth(unix_), HealthCheckResponse::SERVING);
}

TEST_F(RpcServerTest, ASocketIsForItsOwnerOnly) {
  const auto server = Start(unix_);
  ASSERT_OK(server);
  struct stat info {};
  ASSERT_EQ(::stat(unix_.path.c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 0077u, 0u);
  EXPECT_EQ(info.st_mode & 0700u, 0700u);
}

TEST_F(RpcServerTest, TheUmaskIsAsBeforeAfterwards) {
  const mode_t before = ::umask(0022);
  const auto server = Start(unix_);
  EXPECT_EQ(::umask(before), 0022u);
}

TEST_F(RpcServerTest, AFolderThatIsNotThereIsNamed) {
  EXPECT_THAT(Start(UnixAddress(folder_.File("no/s.sock"))),
              FailsWith(kRefused, "does the folder exist"));
}

TEST_F(RpcServerTest, HealthSaysServingUntilToldOtherwise) {
  const auto server = Start(unix_);
  ASSERT_OK(server);
  EXPECT_EQ(AskHealth(unix_), HealthCheckResponse::SERVING);
  (*server)->SetServing(false);
  EXPECT_EQ(AskHealth(unix_), HealthCheckResponse::NOT_SERVING);
  (*server)->SetServing(true);
  EXPECT_EQ(AskHealth(unix_), HealthCheckResponse::SERVING);
}

TEST_F(RpcServerTest, AStoppedServerLeavesNoSocketAndAnswersNobody) {
  const auto server = Start(unix_);
  ASSERT_OK(server);
  (*server)->Stop(milliseconds(0));
  EXPECT_NE(::access(unix_.path.c_str(), F_OK), 0);
  EXPECT_EQ(AskHealth(unix_), HealthCheckResponse::UNKNOWN);
}

// Streams that say nothing, each with a thread of the server.
class SilentStreams final : public RunService::Service {
 public:
  grpc::Status Follow(grpc::ServerContext* context,
                      grpc::ServerReaderWriter<LearnerMessage, FollowerMessage>* stream) override {
    ++open_;
    FollowerMessage message;
    while (stream->Read(&message)) {
    }
    --open_;
    return grpc::Status::OK;
  }
  int open() const { return open_; }

 private:
  std::atomic<int> open_{0};
};

TEST_F(RpcServerTest, AConnectionHasItsShareOfStreamsAndNoMore) {
  SilentStreams service;
  const auto server = RpcServer::Start(unix_, {&service}, RpcSecurity::InsecureLoopback());
  ASSERT_OK(server);
  const auto channel = MakeChannel(unix_, std::nullopt, RpcSecurity::InsecureLoopback());
  const auto stub = RunService::NewStub(channel);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReaderWriter<FollowerMessage, LearnerMessage>>> streams;
  for (int i = 0; i < kStreamsPerConnectionMax; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(stub->Follow(contexts.back().get()));
  }
  EXPECT_TRUE(Eventually([&] { return service.open() == kStreamsPerConnectionMax; }));
  grpc::ClientContext waits;
  SetDeadline(&waits, milliseconds(200));
  EXPECT_EQ(stub->Follow(&waits)->Finish().error_code(), grpc::DEADLINE_EXCEEDED);
  EXPECT_EQ(service.open(), kStreamsPerConnectionMax);
  // Others are served.
  EXPECT_EQ(AskHealth(unix_), HealthCheckResponse::SERVING);
  for (auto& context : contexts) context->TryCancel();
  for (auto& stream : streams) EXPECT_EQ(stream->Finish().error_code(), grpc::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return service.open() == 0; }));
}

TEST_F(RpcServerTest, WhileItEndsAnotherTakesItsSocketAndKeepsIt) {
  SilentStreams service;
  auto leaving = RpcServer::Start(unix_, {&service}, RpcSecurity::InsecureLoopback());
  ASSERT_OK(leaving);
  const auto stub =
      RunService::NewStub(MakeChannel(unix_, std::nullopt, RpcSecurity::InsecureLoopback()));
  grpc::ClientContext context;
  const auto stream = stub->Follow(&context);
  ASSERT_TRUE(Eventually([&] { return service.open() == 1; }));
  std::thread stop([&] { (*leaving)->Stop(milliseconds(20'000)); });
  EXPECT_TRUE(Eventually([&] { return ::access(unix_.path.c_str(), F_OK) != 0; }));
  EXPECT_EQ(service.open(), 1);  // within its grace
  const auto next = Start(unix_);
  EXPECT_OK(next);
  context.TryCancel();
  stop.join();
  EXPECT_EQ(stream->Finish().error_code(), grpc::CANCELLED);
  EXPECT_EQ(AskHealth(unix_), HealthCheckResponse::SERVING);
}

// Somebody's file at the path is not ours to delete.
TEST_F(RpcServerTest, AFileThatIsNoSocketIsKept) {
  std::ofstream(unix_.path) << "notes";
  EXPECT_THAT(Start(unix_), FailsWith(kRefused, "cannot listen on"));
  EXPECT_EQ(::access(unix_.path.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace pmoe
