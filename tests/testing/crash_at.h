// Kills the process before its Nth change of the disk, as a power cut would: for a child of a test.
// Defines the C library's own functions anew, in one file of a test's binary only.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <functional>

#include "common/base/check.h"

namespace pmoe {

// Changes that are still allowed; below 0: all.
inline long& ChangesLeft() {
  static long left = -1;
  return left;
}

// Before a change. True: this one is the last, and is to be made in half.
inline bool BeforeChange() {
  if (ChangesLeft() < 0) return false;
  if (ChangesLeft() == 0) ::kill(::getpid(), SIGKILL);
  return --ChangesLeft() == 0;
}

// In a child that ends before its change number `changes`, counted from 0. False: it came to its
// end.
inline bool DiesInside(long changes, const std::function<void()>& work) {
  const pid_t child = ::fork();
  PMOE_CHECK(child >= 0);
  if (child == 0) {
    ChangesLeft() = changes;
    work();
    ChangesLeft() = -1;
    ::_exit(0);
  }
  int status = 0;
  PMOE_CHECK(::waitpid(child, &status, 0) == child);
  PMOE_CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

}  // namespace pmoe

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  if ((flags & O_CREAT) != 0) pmoe::BeforeChange();
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int fd, const void* data, size_t size) {
  const bool torn = pmoe::BeforeChange();
  return ::syscall(SYS_write, fd, data, torn && size > 1 ? size / 2 : size);
}

int fsync(int fd) {
  pmoe::BeforeChange();
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

int mkdir(const char* path, mode_t mode) noexcept {
  pmoe::BeforeChange();
  return static_cast<int>(::syscall(SYS_mkdir, path, mode));
}

int rename(const char* from, const char* to) noexcept {
  pmoe::BeforeChange();
  return static_cast<int>(::syscall(SYS_rename, from, to));
}

int unlink(const char* path) noexcept {
  pmoe::BeforeChange();
  return static_cast<int>(::syscall(SYS_unlink, path));
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  pmoe::BeforeChange();
  return static_cast<int>(::syscall(SYS_unlinkat, folder, path, flags));
}

int remove(const char* path) noexcept {
  pmoe::BeforeChange();
  struct stat info;
  const bool folder = ::lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
  return static_cast<int>(::syscall(folder ? SYS_rmdir : SYS_unlink, path));
}

}  // extern "C"
