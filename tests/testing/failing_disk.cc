// A library for LD_PRELOAD under which a real program's changes of one folder fail, as on a disk
// that is full or broken, or end it, as a kill would. Set by the environment:
//   PMOE_DISK_DIR      the folder, an absolute path
//   PMOE_DISK_PROGRAM  only in the program of this name; default: in all
//   PMOE_DISK_FAULT    count:FILE  nothing fails; adds a byte to FILE for each change
//                      full:N      change N, from 0 on, and all after it: ENOSPC
//                      once:N      change N alone: EIO
//                      kill:N      SIGKILL before change N; a write is made in half first
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

enum class Fault { kNone, kCount, kFull, kOnce, kKill };

std::string ProgramName() {
  char words[4096] = "";
  const int fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY));
  if (fd >= 0) {
    const ssize_t n = ::read(fd, words, sizeof(words) - 1);
    words[std::max<ssize_t>(n, 0)] = '\0';
    ::close(fd);
  }
  const char* const slash = std::strrchr(words, '/');
  return slash == nullptr ? words : slash + 1;
}

struct Plan {
  Plan() {
    const char* const dir_name = std::getenv("PMOE_DISK_DIR");
    const char* const fault_name = std::getenv("PMOE_DISK_FAULT");
    const char* const program = std::getenv("PMOE_DISK_PROGRAM");
    if (dir_name == nullptr || fault_name == nullptr) return;
    if (program != nullptr && ProgramName() != program) return;
    dir = dir_name;
    const std::string text = fault_name;
    const std::string kind = text.substr(0, text.find(':'));
    value = text.substr(text.find(':') + 1);
    at = std::atol(value.c_str());
    fault = kind == "count"  ? Fault::kCount
            : kind == "full" ? Fault::kFull
            : kind == "once" ? Fault::kOnce
                             : Fault::kKill;
  }
  std::string dir, value;
  Fault fault = Fault::kNone;
  long at = 0;
  std::atomic<long> changes{0};
};

Plan& ThePlan() {
  static Plan* const plan = new Plan;  // calls may come before and after main
  return *plan;
}

bool Within(const char* path) {
  const std::string& dir = ThePlan().dir;
  return path != nullptr && ThePlan().fault != Fault::kNone &&
         std::strncmp(path, dir.c_str(), dir.size()) == 0 &&
         (path[dir.size()] == '/' || path[dir.size()] == '\0');
}

bool Within(int fd) {
  if (ThePlan().fault == Fault::kNone) return false;
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t n = ::readlink(link.c_str(), path, sizeof(path) - 1);
  if (n <= 0) return false;
  path[n] = '\0';
  return Within(path);
}

// The error number with which this change fails; 0: it does not. `half` makes half of it.
template <typename Half>
int FaultOfChange(const Half& half) {
  Plan& plan = ThePlan();
  const long change = plan.changes++;
  switch (plan.fault) {
    case Fault::kNone:
      return 0;
    case Fault::kCount: {
      const int fd = static_cast<int>(
          ::syscall(SYS_openat, AT_FDCWD, plan.value.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644));
      if (fd >= 0) (void)!::syscall(SYS_write, fd, ".", 1);
      ::close(fd);
      return 0;
    }
    case Fault::kFull:
      if (change == plan.at) half();
      return change >= plan.at ? ENOSPC : 0;
    case Fault::kOnce:
      if (change == plan.at) half();
      return change == plan.at ? EIO : 0;
    case Fault::kKill:
      if (change != plan.at) return 0;
      half();
      ::kill(::getpid(), SIGKILL);
  }
  return 0;
}

int FaultOfChange() {
  return FaultOfChange([] {});
}

template <typename Change>
long Make(bool within, const Change& change) {
  if (within) {
    if (const int error = FaultOfChange(); error != 0) {
      errno = error;
      return -1;
    }
  }
  return change();
}

int Open(int folder, const char* path, int flags, mode_t mode) {
  const auto open = [&] { return ::syscall(SYS_openat, folder, path, flags, mode); };
  return static_cast<int>(Make((flags & (O_CREAT | O_TRUNC)) != 0 && Within(path), open));
}

ssize_t Write(int fd, const void* bytes, size_t size, const auto& write) {
  if (Within(fd)) {
    const int error = FaultOfChange([&] { (void)!::syscall(SYS_write, fd, bytes, size / 2); });
    if (error != 0) {
      errno = error;
      return -1;
    }
  }
  return write();
}

mode_t ModeOf(int flags, va_list more) { return (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0; }

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = ModeOf(flags, more);
  va_end(more);
  return Open(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = ModeOf(flags, more);
  va_end(more);
  return Open(folder, path, flags, mode);
}

int open64(const char* path, int flags, ...) __attribute__((alias("open")));
int openat64(int folder, const char* path, int flags, ...) __attribute__((alias("openat")));

FILE* fopen(const char* path, const char* mode) {
  using Function = FILE* (*)(const char*, const char*);
  static const auto next = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "fopen"));
  if (mode[0] != 'r' && Within(path)) {
    if (const int error = FaultOfChange(); error != 0) {
      errno = error;
      return nullptr;
    }
  }
  return next(path, mode);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  return Write(fd, bytes, size, [&] { return ::syscall(SYS_write, fd, bytes, size); });
}

ssize_t writev(int fd, const struct iovec* pieces, int count) {
  return Write(fd, pieces[0].iov_base, count == 0 ? 0 : pieces[0].iov_len,
               [&] { return ::syscall(SYS_writev, fd, pieces, count); });
}

int fsync(int fd) {
  return static_cast<int>(Make(Within(fd), [&] { return ::syscall(SYS_fsync, fd); }));
}

int fdatasync(int fd) {
  return static_cast<int>(Make(Within(fd), [&] { return ::syscall(SYS_fdatasync, fd); }));
}

int mkdir(const char* path, mode_t mode) noexcept {
  return static_cast<int>(Make(Within(path), [&] { return ::syscall(SYS_mkdir, path, mode); }));
}

int rename(const char* from, const char* to) noexcept {
  return static_cast<int>(Make(Within(from), [&] { return ::syscall(SYS_rename, from, to); }));
}

}  // extern "C"
