// HTTP as bytes over a socket on loopback, for tests of servers: polite requests, and whatever a
// hostile client sends.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// Closes itself. What it sends raises no signal; a read waits at most `patience_s`.
class RawConnection {
 public:
  // address: "127.0.0.1:6006"
  explicit RawConnection(const std::string& address, int patience_s = 30)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{patience_s, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    const size_t colon = address.rfind(':');
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &name.sin_addr);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
  }
  RawConnection(RawConnection&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  RawConnection& operator=(RawConnection&&) = delete;
  ~RawConnection() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool connected() const { return connected_; }
  // False: the server has hung up, or does not take it.
  bool Send(absl::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // What comes next; empty: the end, or nothing came in time.
  std::string Read() const {
    char buffer[16384];
    const ssize_t size = ::recv(fd_, buffer, sizeof(buffer), 0);
    return size <= 0 ? "" : std::string(buffer, static_cast<size_t>(size));
  }
  std::string ReadToEnd() const {
    std::string text;
    for (std::string piece; !(piece = Read()).empty();) text += piece;
    return text;
  }
  // Of a stream: until `wanted` has come; false: it ended before.
  bool ReadUntil(absl::string_view wanted) const {
    std::string text;
    for (std::string piece; !absl::StrContains(text, wanted);) {
      if ((piece = Read()).empty()) return false;
      text += piece;
    }
    return true;
  }

 private:
  int fd_;
  bool connected_ = false;
};

struct HttpReply {
  int status = 0;  // 0: no answer
  std::string head{};
  std::string body{};

  // Empty: none.
  std::string Header(absl::string_view name) const {
    const std::string start = absl::StrCat("\r\n", name, ": ");
    const size_t at = head.find(start);
    if (at == std::string::npos) return "";
    const size_t from = at + start.size();
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

inline HttpReply ParseReply(const std::string& text) {
  HttpReply reply;
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos || !absl::StartsWith(text, "HTTP/1.1 ")) return reply;
  (void)absl::SimpleAtoi(text.substr(9, 3), &reply.status);
  reply.head = text.substr(0, end + 2);
  reply.body = text.substr(end + 4);
  return reply;
}

// headers: whole lines, each with its "\r\n"; without a Host among them, localhost is named.
inline std::string RequestText(absl::string_view method, absl::string_view path,
                               absl::string_view headers = "") {
  return absl::StrCat(method, " ", path, " HTTP/1.1\r\n",
                      absl::StartsWith(headers, "Host:") ? "" : "Host: localhost\r\n", headers,
                      "\r\n");
}

inline HttpReply HttpGet(const std::string& address, absl::string_view path,
                         absl::string_view headers = "") {
  const RawConnection connection(address);
  connection.Send(RequestText("GET", path, headers));
  return ParseReply(connection.ReadToEnd());
}

}  // namespace pmoe
