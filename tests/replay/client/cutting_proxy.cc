#include "tests/replay/client/cutting_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "common/base/check.h"

namespace pmoe {
namespace {

sockaddr_un PathAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  PMOE_CHECK(path.size() < sizeof(address.sun_path));
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int NewSocket() {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  PMOE_CHECK(fd >= 0);
  return fd;
}

bool IsReady(const pollfd& fd) { return (fd.revents & (POLLIN | POLLHUP | POLLERR)) != 0; }

}  // namespace

CuttingProxy::CuttingProxy(const std::string& listen_path, std::string target_path, uint64_t seed,
                           uint64_t bytes_min)
    : target_path_(std::move(target_path)),
      bytes_min_(bytes_min),
      rng_(seed, RngRole::kBackoff, 1),
      listener_(NewSocket()) {
  const sockaddr_un address = PathAddress(listen_path);
  PMOE_CHECK(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  PMOE_CHECK(listen(listener_, 8) == 0);
  PMOE_CHECK(pipe(stop_) == 0);
  thread_ = std::thread([this] { Loop(); });
}

CuttingProxy::~CuttingProxy() {
  close(stop_[1]);  // the thread's end of the pipe hangs up
  thread_.join();
  close(stop_[0]);
  close(listener_);
}

void CuttingProxy::Loop() {
  while (true) {
    std::vector<pollfd> fds = {{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Connection& each : open_) {
      fds.push_back({each.client, POLLIN, 0});
      fds.push_back({each.server, POLLIN, 0});
    }
    poll(fds.data(), fds.size(), /*timeout=*/-1);
    const bool stop = fds[0].revents != 0;
    size_t i = 2;
    open_.remove_if([&](Connection& each) {
      const bool up = !IsReady(fds[i]) || Forward(each.client, each.server, &each.bytes_left);
      const bool down =
          !up || !IsReady(fds[i + 1]) || Forward(each.server, each.client, &each.bytes_left);
      i += 2;
      if (up && down && !stop) return false;
      close(each.client);
      close(each.server);
      return true;
    });
    if (stop) return;
    if (IsReady(fds[1])) Admit();
  }
}

void CuttingProxy::Admit() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int server = NewSocket();
  const sockaddr_un address = PathAddress(target_path_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    close(client);
    close(server);
    return;
  }
  ++connections_;
  open_.push_back({client, server, bytes_min_ + rng_.UniformInt(bytes_min_)});
}

bool CuttingProxy::Forward(int from, int to, uint64_t* bytes_left) {
  char buffer[4096];
  const ssize_t got = recv(from, buffer, sizeof(buffer), 0);
  if (got <= 0) return false;
  const size_t wanted = std::min<uint64_t>(static_cast<uint64_t>(got), *bytes_left);
  *bytes_left -= wanted;
  for (size_t sent = 0; sent < wanted;) {
    const ssize_t n = send(to, buffer + sent, wanted - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<size_t>(n);
  }
  return *bytes_left > 0;
}

}  // namespace pmoe
