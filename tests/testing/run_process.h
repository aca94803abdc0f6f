// Runs a command to its end and returns what it printed.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "common/base/check.h"

namespace pmoe {

struct ProcessResult {
  int exit_code = -1;  // -1: ended by a signal
  std::string output;  // standard output and error, in the order written
};

// Words with spaces or quotes reach the command as they are.
inline ProcessResult RunProcess(const std::vector<std::string>& words) {
  std::string command;
  for (const std::string& word : words) {
    command += '\'';
    for (const char c : word) command += c == '\'' ? std::string("'\\''") : std::string(1, c);
    command += "' ";
  }
  std::FILE* pipe = ::popen((command + "2>&1").c_str(), "r");
  PMOE_CHECK(pipe != nullptr);
  ProcessResult result;
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
    result.output.append(buffer, n);
  }
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

// A command that runs beside the test. Its output arrives through a pipe, so that a test can wait
// for a line instead of a time. Killed if the test ends first.
class ChildProcess {
 public:
  explicit ChildProcess(std::vector<std::string> words) {
    int ends[2];
    PMOE_CHECK(::pipe(ends) == 0);
    pid_ = ::fork();
    PMOE_CHECK(pid_ >= 0);
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      ::close(ends[0]);
      ::close(ends[1]);
      std::vector<char*> arguments;
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  ~ChildProcess() {
    if (pid_ > 0) {
      Signal(SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(pipe_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // False if the process ends without printing it.
  bool ReadUntil(const std::string& text) {
    while (output_.find(text) == std::string::npos) {
      if (!ReadMore()) return false;
    }
    return true;
  }
  // What has been read so far.
  const std::string& output() const { return output_; }
  void Signal(int number) { ::kill(pid_, number); }
  ProcessResult Wait() {
    while (ReadMore()) continue;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    ProcessResult result;
    result.output = output_;
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    return result;
  }

 private:
  bool ReadMore() {
    char buffer[4096];
    const ssize_t n = ::read(pipe_, buffer, sizeof(buffer));
    if (n > 0) output_.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }

  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string output_;
};

}  // namespace pmoe
