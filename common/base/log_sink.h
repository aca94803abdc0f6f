// Bytes for people, whom nothing may wait for: a terminal that was stopped, a dead connection or a
// pipe that nobody reads holds a process up for a second, once, and not for ever; one that reads
// slowly, for a second of each minute. What is not taken then is left out, line by line, and
// counted. Thread-compatible.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>

#include "absl/strings/string_view.h"
#include "common/base/clock.h"

namespace pmoe {

class LogSink {
 public:
  // Borrows the descriptor, which must stay open.
  explicit LogSink(int fd) : fd_(fd) {}
  ~LogSink();
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  // All of it, in the end, or nothing of it: what was taken in part goes on with the next call.
  // false: left out. Errors count as taken: nobody looks.
  bool Write(absl::string_view bytes);

 private:
  void FollowTarget();
  ssize_t TryWrite() const;
  bool Push(Clock::Duration patience);
  Clock::Duration Patience();

  const int fd_;
  struct stat target_ {};  // what fd_ stands for: it may be pointed elsewhere at any time
  // A terminal's or pipe's own description, which does not block; the one of fd_ is shared with
  // other programs, which would not expect that. -1: something else, or it cannot be opened anew.
  int own_ = -1;
  std::string rest_;          // begun, and not yet taken
  bool stuck_ = false;        // since the last call: it has waited once
  Clock::Time minute_{};      // when the present one began
  Clock::Duration waited_{};  // in it
};

}  // namespace pmoe
