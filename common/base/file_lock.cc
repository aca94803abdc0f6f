#include "common/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/clock.h"
#include "common/base/file.h"

namespace pmoe {

namespace {

constexpr int kLooksMax = 1000;  // that may come in the way of one taker

// A look of IsHeld has it for a moment, shared: what can be shared is nobody's, and is tried again.
// -1 with errno as flock's.
int TakeNow(int fd) {
  for (int i = 0; i < kLooksMax; ++i) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return 0;
    if (errno != EWOULDBLOCK || ::flock(fd, LOCK_SH | LOCK_NB) != 0) return -1;
    ::flock(fd, LOCK_UN);
    Clock::Real()->Sleep(std::chrono::milliseconds(1));
  }
  errno = EWOULDBLOCK;
  return -1;
}

}  // namespace

absl::StatusOr<std::optional<FileLock>> FileLock::Try(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return FileError("open", path, errno);
  FileLock lock(fd);
  if (TakeNow(fd) == 0) return std::optional<FileLock>(std::move(lock));
  if (errno == EWOULDBLOCK) return std::optional<FileLock>();
  return FileError("lock", path, errno);
}

absl::StatusOr<std::optional<FileLock>> FileLock::TryFile(const std::string& path) {
  return Try(path, O_RDWR | O_CREAT);
}

absl::StatusOr<std::optional<FileLock>> FileLock::TryFolder(const std::string& path) {
  return Try(path, O_RDONLY | O_DIRECTORY);
}

bool FileLock::IsHeld(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return false;
  const bool held = ::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  return held;
}

int FileLock::Holder(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return 0;
  const std::string inode = absl::StrCat(":", info.st_ino);
  std::ifstream locks("/proc/locks");
  // "1: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF"
  for (std::string line; std::getline(locks, line);) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int process = 0;
    if (words.size() > 5 && words[1] == "FLOCK" && absl::EndsWith(words[5], inode) &&
        absl::SimpleAtoi(words[4], &process)) {
      return process;
    }
  }
  return 0;
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

bool FileLock::IsStill(const std::string& path) const {
  struct stat ours {
  }, there{};
  return ::fstat(fd_, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

}  // namespace pmoe
