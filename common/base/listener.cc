#include "common/base/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/thread_name.h"

namespace pmoe {
namespace {

constexpr int kBacklog = 512;
constexpr int kTick_ms = 1000;
constexpr int kExhausted_ms = 100;  // until it looks again whether a descriptor is free
constexpr int kAcceptsInARow = 64;  // then the tick gets its turn
constexpr int64_t kSayEvery_s = 10;
constexpr unsigned kUserTimeout_ms = 30000;  // a peer that is gone without a word
constexpr mode_t kOwnerOnly = 0077;

std::atomic<int64_t> g_refused{0};

void SetInt(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof(value));
}

absl::Status BindError(int error) {
  const std::string text = std::strerror(error);
  return error == EADDRINUSE ? absl::AlreadyExistsError(text) : absl::FailedPreconditionError(text);
}

// What accepted connections inherit is set here.
absl::StatusOr<int> BindTcp(const addrinfo& at) {
  const int fd = ::socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return BindError(errno);
  SetInt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  SetInt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  SetInt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeout_ms);
  if (at.ai_family == AF_INET6) SetInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(fd, at.ai_addr, at.ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int error = errno;
  ::close(fd);
  return BindError(error);
}

int PortOf(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  return ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&name)->sin6_port
                                          : reinterpret_cast<sockaddr_in*>(&name)->sin_port);
}

absl::StatusOr<int> BindName(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) return absl::FailedPreconditionError(::gai_strerror(error));
  const absl::Cleanup free = [list] { ::freeaddrinfo(list); };
  absl::StatusOr<int> fd = absl::FailedPreconditionError("no address");
  // IPv4 first: where a name has both, as localhost has, that is what people type.
  for (const int family : {AF_INET, AF_INET6}) {
    for (const addrinfo* at = list; at != nullptr && !fd.ok(); at = at->ai_next) {
      if (at->ai_family == family) fd = BindTcp(*at);
      if (absl::IsAlreadyExists(fd.status())) return fd;  // not beside another on its other family
    }
  }
  return fd;
}

// binding would fail on any file; only a socket that nobody listens on is in the way.
absl::Status ClearUnixPath(const std::string& path, const sockaddr_un& name) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return BindError(errno);
  const bool listens = ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0;
  const int error = errno;
  ::close(fd);
  if (listens) return BindError(EADDRINUSE);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError("a file that is no socket lies there");
  }
  if (error == EACCES) return BindError(error);
  ::unlink(path.c_str());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ListeningSocket> ListeningSocket::Tcp(const std::string& host, int port) {
  std::string name = host;
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
  }
  if (name == "0.0.0.0") {
    absl::StatusOr<int> both = BindName("::", port);
    if (both.ok()) return ListeningSocket(*both, PortOf(*both));
    if (absl::IsAlreadyExists(both.status())) return both.status();
  }
  const absl::StatusOr<int> fd = BindName(name, port);
  if (!fd.ok()) return fd.status();
  return ListeningSocket(*fd, PortOf(*fd));
}

absl::StatusOr<ListeningSocket> ListeningSocket::Unix(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  PMOE_CHECK(path.size() < sizeof(name.sun_path));
  std::memcpy(name.sun_path, path.data(), path.size());
  const absl::Status clear = ClearUnixPath(path, name);
  if (!clear.ok()) return clear;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return BindError(errno);
  // The mode comes from the umask at bind, so that nobody else can ever connect.
  const mode_t mask = ::umask(kOwnerOnly);
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
  const int error = errno;
  ::umask(mask);
  if (bound && ::listen(fd, kBacklog) == 0) return ListeningSocket(fd, 0);
  ::close(fd);
  return absl::FailedPreconditionError(
      absl::StrCat(std::strerror(error), ": does the folder exist, and may you write in it?"));
}

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) ::close(fd_);
}

int64_t ConnectionsRefused() { return g_refused; }

Listener::Listener(ListeningSocket socket, ListenerOptions options)
    : socket_(std::move(socket)),
      options_(std::move(options)),
      end_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Loop(); }) {
  PMOE_CHECK(end_ >= 0);
}

Listener::~Listener() {
  const uint64_t one = 1;
  PMOE_CHECK(::write(end_, &one, sizeof(one)) == sizeof(one));
  thread_.join();
  ::close(end_);
}

void Listener::Loop() {
  NameThread(options_.thread_name);
  for (;;) {
    pollfd looked[2] = {{end_, POLLIN, 0}, {socket_.fd(), POLLIN, 0}};
    // Exhausted: the port would be readable all the time.
    ::poll(looked, exhausted_ ? 1 : 2, exhausted_ ? kExhausted_ms : kTick_ms);
    if (looked[0].revents != 0) return;
    exhausted_ = false;
    AcceptSome();
    if (options_.tick != nullptr) options_.tick();
  }
}

void Listener::AcceptSome() {
  for (int i = 0; i < kAcceptsInARow; ++i) {
    const int fd = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 && fd < options_.fds_max()) {
      options_.take(fd);
    } else if (fd >= 0) {
      ::close(fd);
      ++g_refused;
      Complain(absl::StrCat(options_.fds_max(), " descriptors are in use, a connection is closed"));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      Complain(absl::StrCat("no connection can be taken: ", std::strerror(errno)));
      exhausted_ = true;
      return;
    } else if (errno == EAGAIN) {
      return;
    }  // otherwise that connection has ended already
  }
}

void Listener::Complain(const std::string& what) {
  const int64_t now_s =
      std::chrono::duration_cast<std::chrono::seconds>(Clock::Real()->Now().time_since_epoch())
          .count();
  if (now_s < next_line_s_) return;
  next_line_s_ = now_s + kSayEvery_s;
  Log(LogLevel::kWarning, options_.where, ": ", what,
      "; who connects so often? A higher `ulimit -n` allows more");
}

}  // namespace pmoe
