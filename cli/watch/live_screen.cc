#include "cli/watch/live_screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

// Draws over nothing: it would show the sequences.
bool IsDumb() {
  const char* const kind = std::getenv("TERM");
  return kind != nullptr && absl::string_view(kind) == "dumb";
}

}  // namespace

ScreenSize TerminalSize(int fd) {
  ScreenSize size;
  winsize window{};
  if (::ioctl(fd, TIOCGWINSZ, &window) != 0) return size;
  if (window.ws_col > 0) size.columns = window.ws_col;
  if (window.ws_row > 0) size.lines = window.ws_row;
  return size;
}

LiveScreen::LiveScreen(std::FILE* out, absl::string_view color)
    : out_(out),
      is_terminal_(::isatty(::fileno(out)) == 1 && !IsDumb()),
      color_(WantsColor(color, is_terminal_)) {}

ScreenSize LiveScreen::size() const { return TerminalSize(::fileno(out_)); }

void LiveScreen::Draw(const std::vector<std::string>& lines) {
  std::vector<StyledLine> styled;
  for (const std::string& line : lines) styled.push_back({{line}});
  Draw(styled);
}

void LiveScreen::Draw(const std::vector<StyledLine>& lines) {
  std::string text;
  if (!is_terminal_) {
    for (const StyledLine& line : lines) {
      absl::StrAppend(&text, RenderLine(line, kNoLimit, color_), "\n");
    }
  } else {
    const ScreenSize screen = size();
    // The cursor stands one line below the drawing, which needs that line too.
    const size_t count = std::min(lines.size(), static_cast<size_t>(std::max(screen.lines - 1, 1)));
    if (drawn_ > 0) absl::StrAppend(&text, "\x1b[", drawn_, "A\r");
    for (size_t i = 0; i < count; ++i) {
      // A full line leaves the cursor on its last column, which the erasure would take.
      absl::StrAppend(&text, RenderLine(lines[i], screen.columns - 1, color_), "\x1b[K\n");
    }
    text += "\x1b[J";
    drawn_ = count;
  }
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fflush(out_);
}

}  // namespace pmoe
