// One process that the supervisor starts: in a process group of its own, so that the terminal's
// Ctrl-C does not reach it, with its output in a file or on the terminal. Ended with SIGKILL when
// the object goes. Thread-compatible.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pmoe {

// How a process ended.
struct ChildEnd {
  int exit_code = -1;  // -1: by a signal
  int signal = 0;

  std::string Text() const;  // "ended with exit code 1", "was killed by signal 9"
};

class Child {
 public:
  // words: the program's path, then its arguments. log: appended to; empty: the terminal.
  static absl::StatusOr<Child> Start(const std::vector<std::string>& words, const std::string& log);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }
  bool running() const { return pid_ > 0; }
  // Once, when it has ended.
  std::optional<ChildEnd> Poll();
  void Signal(int number) const;

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  void Kill();

  pid_t pid_ = -1;  // -1: ended and reaped
};

}  // namespace pmoe
