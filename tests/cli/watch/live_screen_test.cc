#include "cli/watch/live_screen.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

TEST(FitLineTest, CutsCharactersNotBytesAndLeavesControlsOut) {
  EXPECT_EQ(FitLine("abcdef", 4), "abcd");
  EXPECT_EQ(FitLine("ä×…z", 3), "ä×…");
  EXPECT_EQ(FitLine("a\x1b[2Jb\n", 80), "a [2Jb ");
}

constexpr int kPieceTimeout_ms = 10000;

// The terminal's side of a pair: what a program draws can be read from the other.
class Terminal {
 public:
  Terminal(int columns, int lines) {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = static_cast<unsigned short>(lines);
    EXPECT_EQ(::openpty(&outer_, &inner_, nullptr, nullptr, &size), 0);
    file_ = ::fdopen(inner_, "w");
  }
  ~Terminal() {
    std::fclose(file_);
    ::close(outer_);
  }
  std::FILE* file() { return file_; }
  // One whole drawing, which ends by clearing what is below; the kernel hands it on in pieces.
  std::string Read() {
    std::string drawn;
    char buffer[4096];
    pollfd more = {outer_, POLLIN, 0};
    while (!absl::EndsWith(drawn, "\x1b[J") && ::poll(&more, 1, kPieceTimeout_ms) > 0) {
      const ssize_t n = ::read(outer_, buffer, sizeof(buffer));
      if (n <= 0) break;
      drawn.append(buffer, static_cast<size_t>(n));
    }
    return drawn;
  }

 private:
  int outer_ = -1, inner_ = -1;
  std::FILE* file_ = nullptr;
};

TEST(LiveScreenTest, DrawsOverItsLastLinesWithoutClearingFirst) {
  Terminal terminal(20, 5);
  LiveScreen screen(terminal.file());
  ASSERT_TRUE(screen.is_terminal());
  EXPECT_EQ(screen.size().columns, 20);
  screen.Draw({"one", "two"});
  EXPECT_EQ(terminal.Read(), "one\x1b[K\r\ntwo\x1b[K\r\n\x1b[J");
  screen.Draw({"three"});
  EXPECT_EQ(terminal.Read(), "\x1b[2A\rthree\x1b[K\r\n\x1b[J");
}

TEST(LiveScreenTest, KeepsWithinTheTerminal) {
  Terminal terminal(5, 3);
  LiveScreen screen(terminal.file());
  screen.Draw({"123456", "2", "3", "4"});
  EXPECT_EQ(terminal.Read(), "1234\x1b[K\r\n2\x1b[K\r\n\x1b[J");
}

TEST(LiveScreenTest, OnAFileItAppendsWholeLines) {
  std::FILE* file = std::tmpfile();
  LiveScreen screen(file);
  EXPECT_FALSE(screen.is_terminal());
  screen.Draw({std::string(200, 'x')});
  screen.Draw({"y"});
  std::rewind(file);
  char buffer[400] = {};
  const size_t n = std::fread(buffer, 1, sizeof(buffer), file);
  EXPECT_EQ(std::string(buffer, n), absl::StrCat(std::string(200, 'x'), "\ny\n"));
  std::fclose(file);
}

}  // namespace
}  // namespace pmoe
