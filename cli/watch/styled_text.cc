#include "cli/watch/styled_text.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr char kReset[] = "\x1b[0m";

bool BeginsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }
bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Of the terminal's own palette: its owner chose colours that can be read on its background.
const char* Sequence(Tone tone) {
  switch (tone) {
    case Tone::kStrong:
      return "\x1b[1m";
    case Tone::kFaint:
      return "\x1b[2m";
    case Tone::kGood:
      return "\x1b[32m";
    case Tone::kWarning:
      return "\x1b[33m";
    case Tone::kBad:
      return "\x1b[1;31m";
    case Tone::kPlain:
      break;
  }
  return "";
}

int Characters(absl::string_view text) {
  int count = 0;
  for (const char c : text) count += BeginsCharacter(c) ? 1 : 0;
  return count;
}

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string FitLine(absl::string_view text, int columns) {
  std::string fitted;
  int used = 0;
  for (const char c : text) {
    if (BeginsCharacter(c) && ++used > columns) break;
    fitted += IsControl(c) ? ' ' : c;
  }
  return fitted;
}

std::string RenderLine(const StyledLine& line, int columns, bool color) {
  std::string text;
  for (const Span& span : line) {
    const std::string fitted = FitLine(span.text, columns);
    columns -= Characters(fitted);
    const bool tinted = color && span.tone != Tone::kPlain && !fitted.empty();
    absl::StrAppend(&text, tinted ? Sequence(span.tone) : "", fitted, tinted ? kReset : "");
  }
  return text;
}

std::vector<StyledLine> WrapText(absl::string_view text, Tone tone, int columns) {
  std::vector<StyledLine> lines;
  while (!text.empty()) {
    size_t end = text.size();
    if (Characters(text) > columns) {
      const size_t bytes = FitLine(text, columns + 1).size();
      const size_t space = text.rfind(' ', bytes - 1);
      if (space != text.npos && space > 0) end = space;
    }
    lines.push_back({{std::string(text.substr(0, end)), tone}});
    text.remove_prefix(end);
    if (!text.empty()) text.remove_prefix(1);  // the space
  }
  return lines;
}

bool WantsColor(absl::string_view choice, bool is_terminal) {
  if (choice != "auto") return choice == "always";
  return is_terminal && Variable("NO_COLOR").empty() && Variable("TERM") != "dumb";
}

}  // namespace pmoe
