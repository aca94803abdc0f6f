#include "tests/benchmark/http_reader.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr timeval kTimeout{5, 0};

// A connected socket, or -1.
int Connect(const std::string& host_port) {
  const size_t colon = host_port.rfind(':');
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (colon == std::string::npos ||
      ::getaddrinfo(host_port.substr(0, colon).c_str(), host_port.substr(colon + 1).c_str(), &hints,
                    &found) != 0) {
    return -1;
  }
  const int fd = ::socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
  const bool connected = fd >= 0 && ::connect(fd, found->ai_addr, found->ai_addrlen) == 0;
  ::freeaddrinfo(found);
  if (connected) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof(kTimeout));
    return fd;
  }
  if (fd >= 0) ::close(fd);
  return -1;
}

bool Ask(int fd, const std::string& host_port, const std::string& path) {
  const std::string request =
      absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: ", host_port, "\r\nConnection: close\r\n\r\n");
  return ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(request.size());
}

}  // namespace

absl::StatusOr<std::string> HttpGet(const std::string& host_port, const std::string& path) {
  const int fd = Connect(host_port);
  if (fd < 0) return absl::UnavailableError(absl::StrCat("nobody listens at ", host_port));
  std::string text;
  char buffer[16384];
  if (Ask(fd, host_port, path)) {
    for (ssize_t n; (n = ::recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
      text.append(buffer, static_cast<size_t>(n));
    }
  }
  ::close(fd);
  return text;
}

HttpStream::HttpStream(const std::string& host_port, const std::string& path)
    : fd_(Connect(host_port)) {
  if (fd_ < 0 || !Ask(fd_, host_port, path)) return;
  thread_ = std::thread([this] {
    char buffer[16384];
    for (;;) {
      const ssize_t n = ::recv(fd_, buffer, sizeof(buffer), 0);
      if (n <= 0) return;
      bytes_ += static_cast<size_t>(n);
    }
  });
}

HttpStream::~HttpStream() {
  if (fd_ >= 0) ::shutdown(fd_, SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace pmoe
