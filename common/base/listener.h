// A port, or a unix socket, and the thread that takes connections from it: the one way in of every
// server of the project. It goes on whatever clients do, also when no descriptor is left (a server
// library that stops there is deaf for ever), and closes what exceeds its share of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pmoe {

// A listening socket, not yet accepting. Move-only; closes it.
class ListeningSocket {
 public:
  // host: a name, an IPv4 address, or an IPv6 address with or without brackets; 0.0.0.0 and ::
  // listen on all of IPv4 and IPv6. Port 0: any. AlreadyExistsError: somebody listens there;
  // FailedPreconditionError: not an address of this machine.
  static absl::StatusOr<ListeningSocket> Tcp(const std::string& host, int port);
  // The file gets mode 0600 at birth. A socket file that nobody listens on is replaced.
  // AlreadyExistsError: somebody listens there; FailedPreconditionError: it cannot be made.
  static absl::StatusOr<ListeningSocket> Unix(const std::string& path);

  ListeningSocket(ListeningSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}
  ListeningSocket& operator=(ListeningSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(port_, other.port_);
    return *this;
  }
  ~ListeningSocket();

  int fd() const { return fd_; }
  int port() const { return port_; }  // TCP: the one that was picked

 private:
  ListeningSocket(int fd, int port) : fd_(fd), port_(port) {}
  int fd_;
  int port_;
};

struct ListenerOptions {
  const char* thread_name;       // at most 15 letters
  std::string where;             // for messages: "127.0.0.1:9100"
  std::function<int()> fds_max;  // a connection with a number from this on is closed
  // Owns the connection, which is non-blocking; called by the listener's thread.
  std::function<void(int fd)> take;
  // Called by the same thread at least once a second; may be null.
  std::function<void()> tick;
};

// Connections that the listeners of this process have closed because its share of descriptors was
// used up. Thread-safe.
int64_t ConnectionsRefused();

// Owns its thread, which ends with it; then the port is closed.
class Listener {
 public:
  Listener(ListeningSocket socket, ListenerOptions options);
  ~Listener();

 private:
  void Loop();
  void AcceptSome();
  // At most a line in ten seconds.
  void Complain(const std::string& what);

  const ListeningSocket socket_;
  const ListenerOptions options_;
  const int end_;  // an eventfd; readable: end
  bool exhausted_ = false;
  int64_t next_line_s_ = 0;
  std::thread thread_;
};

}  // namespace pmoe
