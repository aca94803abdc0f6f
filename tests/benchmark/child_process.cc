#include "tests/benchmark/child_process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/stopwatch.h"

namespace pmoe {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

// Ctrl-C or a time limit: the child ends first, then the caller tidies up.
volatile std::sig_atomic_t interrupted = 0;
volatile pid_t running_child = 0;

void PassOn(int signal) {
  interrupted = 1;
  if (running_child > 0) kill(running_child, signal);
}

void CatchInterrupts() {
  struct sigaction action {};
  action.sa_handler = PassOn;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// In the child; never returns.
[[noreturn]] void Become(char* const* argv, int out, bool show_errors) {
  dup2(out, STDOUT_FILENO);
  if (!show_errors) {
    const int null = open("/dev/null", O_WRONLY);
    if (null >= 0) dup2(null, STDERR_FILENO);
  }
  execv(argv[0], argv);
  _exit(127);
}

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(buffer, static_cast<size_t>(n));
  }
}

}  // namespace

absl::StatusOr<ChildResult> RunChild(const std::vector<std::string>& args, bool show_errors) {
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) {
    return absl::InternalError(absl::StrCat("cannot make a pipe: ", std::strerror(errno)));
  }
  CatchInterrupts();
  Stopwatch wall;
  const pid_t child = fork();
  if (child == 0) Become(argv.data(), fds[1], show_errors);
  running_child = child;
  close(fds[1]);
  ChildResult result;
  if (child > 0) result.out = ReadAll(fds[0]);
  close(fds[0]);
  int status = -1;
  rusage usage{};
  while (child > 0 && wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  running_child = 0;
  if (interrupted != 0) return absl::CancelledError("interrupted");
  if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return absl::InternalError(absl::StrCat("failed: ", absl::StrJoin(args, " ")));
  }
  result.wall_s = wall.Elapsed();
  result.cpu_s = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  return result;
}

}  // namespace pmoe
