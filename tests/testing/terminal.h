// A terminal of a given size, for tests of what is drawn: a program or a file of this process
// writes to one end, the test reads from the other.
#pragma once

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "common/base/check.h"

namespace pmoe {

class Terminal {
 public:
  Terminal(int columns, int lines) {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = static_cast<unsigned short>(lines);
    PMOE_CHECK(::openpty(&outer_, &inner_, nullptr, nullptr, &size) == 0);
    file_ = ::fdopen(inner_, "w");
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    std::fclose(file_);
    ::close(outer_);
  }

  std::FILE* file() { return file_; }
  int inner() const { return inner_; }

  // Up to and with `end`, which each drawing of LiveScreen ends with; the kernel hands it on in
  // pieces. Less: nothing more came within 10 s.
  std::string Read(const std::string& end = "\x1b[J") {
    constexpr int kPieceTimeout_ms = 10000;
    char buffer[4096];
    pollfd more = {outer_, POLLIN, 0};
    for (;;) {
      const size_t at = read_.find(end);
      if (at != std::string::npos) {
        const std::string drawn = read_.substr(0, at + end.size());
        read_.erase(0, drawn.size());
        return drawn;
      }
      if (::poll(&more, 1, kPieceTimeout_ms) <= 0) return read_;
      const ssize_t n = ::read(outer_, buffer, sizeof(buffer));
      if (n <= 0) return read_;
      read_.append(buffer, static_cast<size_t>(n));
    }
  }

 private:
  int outer_ = -1, inner_ = -1;
  std::FILE* file_ = nullptr;
  std::string read_;  // and not yet handed out
};

}  // namespace pmoe
