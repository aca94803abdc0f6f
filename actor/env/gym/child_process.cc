#include "actor/env/gym/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr uint32_t kMessageMax = 256 << 20;  // a picture
constexpr int kFirstFd = 100;                // ours lie above the child's
constexpr int kChildFd = 10;                 // the first of its four

Descriptor Above(int fd) {
  if (fd < 0) return Descriptor();
  const Descriptor low(fd);
  return Descriptor(::fcntl(low.get(), F_DUPFD_CLOEXEC, kFirstFd));
}

absl::StatusOr<pid_t> Spawn(std::vector<std::string>* words, const std::array<int, 4>& fds) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  for (size_t i = 0; i < fds.size(); ++i) {
    const int there = kChildFd + static_cast<int>(i);
    ::posix_spawn_file_actions_adddup2(&actions, fds[i], there);
    words->push_back(absl::StrCat(there));
  }
  std::vector<char*> argv;
  for (std::string& word : *words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return pid;
  return absl::FailedPreconditionError(
      absl::StrCat("cannot start ", (*words)[0], ": ", std::strerror(error)));
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this == &other) return *this;
  Close();
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

void Descriptor::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(std::vector<std::string> words) {
  std::array<int, 2> pair = {-1, -1};
  const int paired = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data());
  Descriptor ours = Above(pair[0]), theirs = Above(pair[1]);
  Descriptor wake = Above(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  Descriptor reply = Above(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  Descriptor faults = Above(::memfd_create("pmoe-faults", MFD_CLOEXEC));
  const std::array<int, 4> fds = {theirs.get(), wake.get(), reply.get(), faults.get()};
  for (const int fd : fds) {
    if (paired == 0 && fd >= 0) continue;
    return absl::ResourceExhaustedError(
        absl::StrCat("no descriptor is left for the environment's process (", std::strerror(errno),
                     "): raise ulimit -n, or take fewer environments (actor.envs, actor.count)"));
  }
  PMOE_ASSIGN_OR_RETURN(const pid_t pid, Spawn(&words, fds));
  return absl::WrapUnique(
      new ChildProcess(pid, std::move(ours), std::move(wake), std::move(reply), std::move(faults)));
}

ChildProcess::ChildProcess(pid_t pid, Descriptor link, Descriptor wake, Descriptor reply,
                           Descriptor faults)
    : pid_(pid),
      link_(std::move(link)),
      wake_(std::move(wake)),
      reply_(std::move(reply)),
      faults_(std::move(faults)) {}

ChildProcess::~ChildProcess() {
  link_.Close();  // it ends with that
  if (Reap(milliseconds(3000))) return;
  ::kill(pid_, SIGKILL);
  Reap(milliseconds(3000));
}

bool ChildProcess::Reap(milliseconds timeout) {
  const Clock::Time until = Clock::Real()->Now() + timeout;
  while (!ended_) {
    const pid_t got = ::waitpid(pid_, &status_, WNOHANG);
    if (got == pid_ || (got < 0 && errno == ECHILD)) ended_ = true;
    if (ended_ || Clock::Real()->Now() >= until) break;
    Clock::Real()->Sleep(milliseconds(1));
  }
  return ended_;
}

absl::Status ChildProcess::Send(absl::string_view message) {
  const uint32_t size = static_cast<uint32_t>(message.size());
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof(size));
  bytes.append(message.data(), message.size());
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t sent = ::send(link_.get(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return absl::UnavailableError("the environment's process has ended");
    at += static_cast<size_t>(sent);
  }
  return absl::OkStatus();
}

absl::Status ChildProcess::Read(char* data, size_t size, Clock::Time until) {
  while (size > 0) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::Real()->Now());
    if (left.count() <= 0)
      return absl::DeadlineExceededError("the environment's process is silent");
    pollfd poll = {link_.get(), POLLIN, 0};
    ::poll(&poll, 1, static_cast<int>(left.count()));
    if (poll.revents == 0) continue;
    const ssize_t got = ::recv(link_.get(), data, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return absl::UnavailableError("the environment's process has ended");
    data += got;
    size -= static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ChildProcess::Receive(milliseconds timeout) {
  const Clock::Time until = Clock::Real()->Now() + timeout;
  uint32_t size = 0;
  PMOE_RETURN_IF_ERROR(Read(reinterpret_cast<char*>(&size), sizeof(size), until));
  if (size > kMessageMax) return absl::DataLossError("the environment's process talks nonsense");
  std::string message(size, '\0');
  PMOE_RETURN_IF_ERROR(Read(message.data(), size, until));
  return message;
}

absl::Status ChildProcess::SendDescriptor(int fd) {
  char byte = 0;
  iovec io = {&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(head), &fd, sizeof(int));
  if (::sendmsg(link_.get(), &message, MSG_NOSIGNAL) == 1) return absl::OkStatus();
  return absl::UnavailableError("the environment's process has ended");
}

void ChildProcess::Wake() { ::eventfd_write(wake_.get(), 1); }

ChildProcess::Waited ChildProcess::AwaitWake(milliseconds timeout) {
  std::array<pollfd, 2> polls = {pollfd{reply_.get(), POLLIN, 0}, pollfd{link_.get(), POLLIN, 0}};
  while (::poll(polls.data(), polls.size(), static_cast<int>(timeout.count())) < 0) {
    if (errno != EINTR) return Waited::kEnded;
  }
  if (polls[0].revents != 0) {
    eventfd_t ignored = 0;
    ::eventfd_read(reply_.get(), &ignored);
    return Waited::kWoken;
  }
  // It says nothing unasked: this is its end.
  return polls[1].revents != 0 ? Waited::kEnded : Waited::kSilent;
}

std::string ChildProcess::Obituary() {
  Reap(milliseconds(3000));
  std::string text;
  if (!ended_) {
    text = "it has closed its end";
  } else if (WIFSIGNALED(status_)) {
    text = absl::StrCat("signal ", WTERMSIG(status_), " (", ::strsignal(WTERMSIG(status_)), ")");
  } else {
    text = absl::StrCat("exit code ", WEXITSTATUS(status_));
  }
  std::string trace(8192, '\0');
  const ssize_t got = ::pread(faults_.get(), trace.data(), trace.size(), 0);
  if (got > 0) absl::StrAppend(&text, "\n", trace.substr(0, static_cast<size_t>(got)));
  return text;
}

}  // namespace pmoe
