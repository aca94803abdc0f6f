// A process of an environment and the ends of what connects us with it: a stream socket and two
// eventfds. It is killed with this object, if it has not ended by then. Thread-compatible.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/clock.h"

namespace pmoe {

// A descriptor that is ours.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { Close(); }
  int get() const { return fd_; }
  void Close();

 private:
  int fd_;
};

class ChildProcess {
 public:
  // Runs `words`, followed by the numbers that its socket, eventfds (to wake it, to wake us) and
  // file for what a crash leaves have there. Its output goes to our standard error.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(std::vector<std::string> words);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Messages: a u32 with their size, then the bytes. UnavailableError: it has ended.
  // DeadlineExceededError: it is silent.
  absl::Status Send(absl::string_view message);
  absl::StatusOr<std::string> Receive(std::chrono::milliseconds timeout);
  absl::Status SendDescriptor(int fd);

  void Wake();
  // Until Wake's counterpart comes, the process ends, or the time has passed.
  enum class Waited { kWoken, kEnded, kSilent };
  Waited AwaitWake(std::chrono::milliseconds timeout);
  // Why it has ended: its signal or exit code, and where Python was. Waits for the end.
  std::string Obituary();

 private:
  ChildProcess(pid_t pid, Descriptor link, Descriptor wake, Descriptor reply, Descriptor faults);
  absl::Status Read(char* data, size_t size, Clock::Time until);
  bool Reap(std::chrono::milliseconds timeout);

  const pid_t pid_;
  Descriptor link_, wake_, reply_, faults_;
  bool ended_ = false;
  int status_ = 0;  // waitpid's, once it has ended
};

}  // namespace pmoe
