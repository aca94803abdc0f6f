#include "cli/watch/styled_text.h"

#include <stdlib.h>

#include "gmock/gmock.h"

namespace pmoe {
namespace {

TEST(FitLineTest, CutsCharactersNotBytesAndLeavesControlsOut) {
  EXPECT_EQ(FitLine("abcdef", 4), "abcd");
  EXPECT_EQ(FitLine("ä×…z", 3), "ä×…");
  EXPECT_EQ(FitLine("a\x1b[2Jb\n", 80), "a [2Jb ");
}

TEST(RenderLineTest, SequencesTakeNoRoom) {
  const StyledLine line = {{"ab", Tone::kGood}, {"cd"}, {"ef", Tone::kBad}};
  EXPECT_EQ(RenderLine(line, 5, /*color=*/true), "\x1b[32mab\x1b[0mcd\x1b[1;31me\x1b[0m");
  EXPECT_EQ(RenderLine(line, 5, /*color=*/false), "abcde");
  EXPECT_EQ(RenderLine(line, 2, /*color=*/true), "\x1b[32mab\x1b[0m");
}

// A member's host must not colour the screen.
TEST(RenderLineTest, WhatATextBringsIsNoSequence) {
  EXPECT_EQ(RenderLine({{"\x1b[31mx"}}, 80, /*color=*/true), " [31mx");
}

std::vector<std::string> Wrapped(const char* text, int columns) {
  std::vector<std::string> lines;
  for (const StyledLine& line : WrapText(text, Tone::kPlain, columns)) {
    lines.push_back(RenderLine(line, kNoLimit, /*color=*/false));
  }
  return lines;
}

TEST(WrapTextTest, GoesOnInTheNextLineAtASpace) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(Wrapped("one two three", 7), (Lines{"one two", "three"}));
  EXPECT_EQ(Wrapped("one two three", 8), (Lines{"one two", "three"}));
  EXPECT_EQ(Wrapped("ä× …", 2), (Lines{"ä×", "…"}));
  EXPECT_EQ(Wrapped("abcdefgh ij", 4), (Lines{"abcdefgh ij"}));
  EXPECT_EQ(Wrapped("", 4), Lines());
}

TEST(WantsColorTest, OnATerminalUnlessItsOwnerSaysNo) {
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("NO_COLOR");
  EXPECT_TRUE(WantsColor("auto", /*is_terminal=*/true));
  EXPECT_FALSE(WantsColor("auto", /*is_terminal=*/false));
  EXPECT_TRUE(WantsColor("always", /*is_terminal=*/false));
  EXPECT_FALSE(WantsColor("never", /*is_terminal=*/true));
  ::setenv("NO_COLOR", "", 1);  // no-color.org: what is empty says nothing
  EXPECT_TRUE(WantsColor("auto", /*is_terminal=*/true));
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(WantsColor("auto", /*is_terminal=*/true));
  EXPECT_TRUE(WantsColor("always", /*is_terminal=*/true));
  ::unsetenv("NO_COLOR");
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(WantsColor("auto", /*is_terminal=*/true));
}

}  // namespace
}  // namespace pmoe
