#include "cli/watch/live_screen.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "absl/strings/str_cat.h"
#include "tests/testing/terminal.h"

namespace pmoe {
namespace {

using Lines = std::vector<std::string>;
using Styled = std::vector<StyledLine>;

// Whatever kind of terminal the test itself runs in.
class LiveScreenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TERM", "xterm-256color", 1);
    ::unsetenv("NO_COLOR");
  }
};

TEST_F(LiveScreenTest, DrawsOverItsLastLinesWithoutClearingFirst) {
  Terminal terminal(20, 5);
  LiveScreen screen(terminal.file());
  ASSERT_TRUE(screen.is_terminal());
  EXPECT_EQ(screen.size().columns, 20);
  screen.Draw(Lines{"one", "two"});
  EXPECT_EQ(terminal.Read(), "one\x1b[K\r\ntwo\x1b[K\r\n\x1b[J");
  screen.Draw(Lines{"three"});
  EXPECT_EQ(terminal.Read(), "\x1b[2A\rthree\x1b[K\r\n\x1b[J");
}

TEST_F(LiveScreenTest, KeepsWithinTheTerminal) {
  Terminal terminal(5, 3);
  LiveScreen screen(terminal.file());
  screen.Draw(Lines{"123456", "2", "3", "4"});
  EXPECT_EQ(terminal.Read(), "1234\x1b[K\r\n2\x1b[K\r\n\x1b[J");
}

TEST_F(LiveScreenTest, TonesAreColoursOnATerminal) {
  Terminal terminal(20, 5);
  LiveScreen screen(terminal.file(), "auto");
  screen.Draw(Styled{{{"bad", Tone::kBad}, {" plain"}}});
  EXPECT_EQ(terminal.Read(), "\x1b[1;31mbad\x1b[0m plain\x1b[K\r\n\x1b[J");
}

TEST_F(LiveScreenTest, ADumbTerminalIsDrawnOnLikeAFile) {
  ::setenv("TERM", "dumb", 1);
  Terminal terminal(20, 5);
  LiveScreen screen(terminal.file(), "auto");
  EXPECT_FALSE(screen.is_terminal());
  screen.Draw(Styled{{{"bad", Tone::kBad}}});
  EXPECT_EQ(terminal.Read("\n"), "bad\r\n");
}

TEST_F(LiveScreenTest, OnAFileItAppendsWholeLines) {
  std::FILE* file = std::tmpfile();
  LiveScreen screen(file);
  EXPECT_FALSE(screen.is_terminal());
  screen.Draw(Lines{std::string(200, 'x')});
  screen.Draw(Lines{"y"});
  std::rewind(file);
  char buffer[400] = {};
  const size_t n = std::fread(buffer, 1, sizeof(buffer), file);
  EXPECT_EQ(std::string(buffer, n), absl::StrCat(std::string(200, 'x'), "\ny\n"));
  std::fclose(file);
}

}  // namespace
}  // namespace pmoe
