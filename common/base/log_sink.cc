#include "common/base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"

namespace pmoe {
namespace {

constexpr std::chrono::seconds kPatience{1};  // in a minute

bool HasRoom(int fd, int wait_ms) {
  pollfd waits{fd, POLLOUT, 0};
  return ::poll(&waits, 1, wait_ms) != 0;
}

}  // namespace

LogSink::~LogSink() {
  if (own_ >= 0) ::close(own_);
}

void LogSink::FollowTarget() {
  struct stat now {};
  ::fstat(fd_, &now);
  if (now.st_dev == target_.st_dev && now.st_ino == target_.st_ino) return;
  target_ = now;
  rest_.clear();
  if (own_ >= 0) ::close(own_);
  own_ = -1;
  if (!S_ISFIFO(now.st_mode) && ::isatty(fd_) != 1) return;
  own_ = ::open(absl::StrCat("/proc/self/fd/", fd_).c_str(),
                O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

bool LogSink::Write(absl::string_view bytes) {
  FollowTarget();
  if (!rest_.empty() && !Push(Clock::Duration::zero())) return false;
  rest_ = std::string(bytes);
  if (Push(stuck_ ? Clock::Duration::zero() : Patience())) return true;
  // Nothing of it was taken: not begun.
  if (rest_.size() == bytes.size()) {
    rest_.clear();
    return false;
  }
  return true;
}

ssize_t LogSink::TryWrite() const {
  if (S_ISSOCK(target_.st_mode)) {
    return ::send(fd_, rest_.data(), rest_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  if (own_ >= 0) return ::write(own_, rest_.data(), rest_.size());
  // Of another user, it cannot be opened anew: a pipe with room takes so much at once.
  if (!S_ISREG(target_.st_mode) && !HasRoom(fd_, 0)) {
    errno = EAGAIN;
    return -1;
  }
  return ::write(fd_, rest_.data(), std::min<size_t>(rest_.size(), PIPE_BUF));
}

// What is left of this minute's.
Clock::Duration LogSink::Patience() {
  const Clock::Time now = Clock::Real()->Now();
  if (now - minute_ >= std::chrono::minutes(1)) {
    minute_ = now;
    waited_ = {};
  }
  return std::max<Clock::Duration>(kPatience - waited_, {});
}

// Writes what rest_ holds; false: not all of it was taken in time.
bool LogSink::Push(Clock::Duration patience) {
  const Clock::Time deadline = Clock::Real()->Now() + patience;
  while (!rest_.empty()) {
    const ssize_t n = TryWrite();
    if (n > 0) rest_.erase(0, static_cast<size_t>(n));
    if (n > 0 || (n < 0 && errno == EINTR)) continue;
    if (n == 0 || errno != EAGAIN) {
      rest_.clear();
      continue;
    }
    const Clock::Time now = Clock::Real()->Now();
    if (now >= deadline) {
      stuck_ = true;
      return false;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    HasRoom(fd_, static_cast<int>(left.count()));
    waited_ += Clock::Real()->Now() - now;
  }
  stuck_ = false;
  return true;
}

}  // namespace pmoe
