// Nothing that a peer writes gives orders to a terminal.
#include "common/base/printable_text.h"

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"

namespace pmoe {
namespace {

TEST(PrintableTextTest, WhatIsNoPlainCharacterIsEscaped) {
  EXPECT_EQ(PrintableText("host\x1b[2J\n\x80"), "host\\x1b[2J\\x0a\\x80");
  EXPECT_EQ(PrintableText("\xc2\x9b"
                          "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(PrintableText("\xf0\x9f\xa4"), "\\xf0\\x9f\\xa4");  // cut off
}

TEST(PrintableTextTest, OtherLanguagesArePlain) {
  EXPECT_EQ(PrintableText("robot ü.xml 機 🤖"), "robot ü.xml 機 🤖");
}

TEST(PrintableTextTest, MuchIsCut) {
  EXPECT_EQ(PrintableText(std::string(1000, 'a'), 3), "aaa…");
  EXPECT_EQ(PrintableText("short"), "short");
}

TEST(PrintableTextTest, LinesStayLines) {
  EXPECT_EQ(PrintableLines("Traceback:\n  \x1b[2Jx\xe4\n"), "Traceback:\n  \\x1b[2Jx\\xe4\n");
  EXPECT_EQ(PrintableLines(""), "");
  // However much is said, a message has room for it.
  const std::string much = PrintableLines(std::string(1 << 20, '\xff'));
  EXPECT_LT(much.size(), 5000u);
  const std::string lines = PrintableLines(absl::StrReplaceAll(much + much + much, {{"x", "\n"}}));
  EXPECT_LT(lines.size(), 64u << 10);
}

TEST(PrintableTextTest, Utf8IsKnown) {
  EXPECT_TRUE(IsUtf8("") && IsUtf8("Weg ä 機"));
  EXPECT_FALSE(IsUtf8("Weg \xe4"));
  EXPECT_FALSE(IsUtf8("\xf0\x9f\xa4"));
}

TEST(PrintableTextTest, ControlCharactersAreFoundInAsciiAndInUtf8) {
  EXPECT_EQ(FindControlCharacter("a\x1b"), 1u);
  EXPECT_EQ(FindControlCharacter("a\x7f"), 1u);
  EXPECT_EQ(FindControlCharacter(absl::string_view("a\0", 2)), 1u);
  EXPECT_EQ(FindControlCharacter("a\xc2\x9b"
                                 "31m"),
            1u);  // CSI
  EXPECT_EQ(FindControlCharacter("Ämter 3 × 4 µs"), absl::string_view::npos);
}

}  // namespace
}  // namespace pmoe
