// Real sockets on loopback, and a process that has no descriptor left.
#include "common/base/listener.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <limits>
#include <vector>

#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

class ListenerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto socket = ListeningSocket::Tcp("127.0.0.1", 0);
    ASSERT_OK(socket);
    port_ = socket->port();
    ListenerOptions options;
    options.thread_name = "listener";
    options.fds_max = [this] { return fds_max_.load(); };
    options.take = [this](int fd) {
      ::close(fd);
      ++taken_;
    };
    options.tick = [this] { ++ticks_; };
    listener_ = std::make_unique<Listener>(*std::move(socket), std::move(options));
  }
  void Connect(int fd) const {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<uint16_t>(port_));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  }
  int MakeSocket() const { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

  int port_ = 0;
  std::atomic<int> fds_max_{std::numeric_limits<int>::max()};
  std::atomic<int> taken_{0};
  std::atomic<int> ticks_{0};
  std::unique_ptr<Listener> listener_;
};

TEST_F(ListenerTest, GoesOnAfterTheProcessHadNoDescriptorLeft) {
  const int client = MakeSocket();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit tight = {64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  std::vector<int> fill;
  for (int fd; (fd = ::dup(STDIN_FILENO)) >= 0;) fill.push_back(fd);
  Connect(client);
  const int looks = ticks_;
  EXPECT_TRUE(Eventually([&] { return ticks_ > looks + 1; }));
  EXPECT_EQ(taken_, 0);
  for (const int fd : fill) ::close(fd);
  EXPECT_TRUE(Eventually([&] { return taken_ > 0; }));
  ::setrlimit(RLIMIT_NOFILE, &before);
  ::close(client);
}

TEST_F(ListenerTest, ClosesWhatExceedsItsShare) {
  fds_max_ = 0;
  const int64_t before = ConnectionsRefused();
  const int client = MakeSocket();
  Connect(client);
  char byte = 0;
  EXPECT_LE(::recv(client, &byte, 1, 0), 0);
  EXPECT_EQ(taken_, 0);
  EXPECT_TRUE(Eventually([&] { return ConnectionsRefused() == before + 1; }));
  ::close(client);
}

TEST_F(ListenerTest, APortInUseIsSaid) {
  EXPECT_EQ(ListeningSocket::Tcp("127.0.0.1", port_).status().code(),
            absl::StatusCode::kAlreadyExists);
}

TEST_F(ListenerTest, AnAddressOfAnotherMachineIsRefused) {
  EXPECT_EQ(ListeningSocket::Tcp("192.0.2.1", 0).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace pmoe
