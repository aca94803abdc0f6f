#include "tests/benchmark/child_process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

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
[[noreturn]] void Become(char* const* argv, int out, int errors) {
  dup2(out, STDOUT_FILENO);
  if (errors >= 0) dup2(errors, STDERR_FILENO);
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

// The last line that was written to it.
std::string LastLine(int fd) {
  lseek(fd, 0, SEEK_SET);
  const std::string text = ReadAll(fd);
  const size_t end = text.find_last_not_of("\r\n");
  if (end == std::string::npos) return "";
  const size_t begin = text.find_last_of("\r\n", end);
  return text.substr(begin + 1, end - begin);  // npos + 1 is 0
}

absl::Status Failure(const std::vector<std::string>& args, int status, int errors) {
  const std::string why = errors < 0 ? "" : LastLine(errors);
  const std::string text =
      absl::StrCat("failed: ", absl::StrJoin(args, " "), why.empty() ? "" : ": ", why);
  const bool bad_input = WIFEXITED(status) && WEXITSTATUS(status) == 2;
  return bad_input ? absl::InvalidArgumentError(text) : absl::InternalError(text);
}

// Its end, and what it printed.
struct Ended {
  int status = -1;
  rusage usage{};
  std::string out;
};

absl::StatusOr<Ended> RunToEnd(const std::vector<std::string>& args, int errors) {
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) {
    return absl::InternalError(absl::StrCat("cannot make a pipe: ", std::strerror(errno)));
  }
  const pid_t child = fork();
  if (child == 0) Become(argv.data(), fds[1], errors);
  running_child = child;
  close(fds[1]);
  Ended end;
  if (child > 0) end.out = ReadAll(fds[0]);
  close(fds[0]);
  while (child > 0 && wait4(child, &end.status, 0, &end.usage) < 0 && errno == EINTR) {
  }
  running_child = 0;
  return end;
}

}  // namespace

absl::StatusOr<ChildResult> RunChild(const std::vector<std::string>& args, bool show_errors) {
  CatchInterrupts();
  if (interrupted != 0) return absl::CancelledError("interrupted");
  const int errors = show_errors ? -1 : memfd_create("errors", MFD_CLOEXEC);
  Stopwatch wall;
  absl::StatusOr<Ended> end = RunToEnd(args, errors);
  absl::Status status = end.status();
  if (status.ok() && end->status != 0) status = Failure(args, end->status, errors);
  if (errors >= 0) close(errors);
  if (interrupted != 0) return absl::CancelledError("interrupted");
  if (!status.ok()) return status;
  return ChildResult{wall.Elapsed(), Seconds(end->usage.ru_utime) + Seconds(end->usage.ru_stime),
                     std::move(end->out)};
}

}  // namespace pmoe
