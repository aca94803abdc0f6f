#include "cli/watch/live_screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

bool BeginsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }
bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

ScreenSize TerminalSize(int fd) {
  ScreenSize size;
  winsize window{};
  if (::ioctl(fd, TIOCGWINSZ, &window) != 0) return size;
  if (window.ws_col > 0) size.columns = window.ws_col;
  if (window.ws_row > 0) size.lines = window.ws_row;
  return size;
}

std::string FitLine(absl::string_view text, int columns) {
  std::string fitted;
  int used = 0;
  for (const char c : text) {
    if (BeginsCharacter(c) && ++used > columns) break;
    fitted += IsControl(c) ? ' ' : c;
  }
  return fitted;
}

LiveScreen::LiveScreen(std::FILE* out) : out_(out), is_terminal_(::isatty(::fileno(out)) == 1) {}

ScreenSize LiveScreen::size() const { return TerminalSize(::fileno(out_)); }

void LiveScreen::Draw(const std::vector<std::string>& lines) {
  std::string text;
  if (!is_terminal_) {
    for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  } else {
    const ScreenSize screen = size();
    // The cursor stands one line below the drawing, which needs that line too.
    const size_t count = std::min(lines.size(), static_cast<size_t>(std::max(screen.lines - 1, 1)));
    if (drawn_ > 0) absl::StrAppend(&text, "\x1b[", drawn_, "A\r");
    for (size_t i = 0; i < count; ++i) {
      // A full line leaves the cursor on its last column, which the erasure would take.
      absl::StrAppend(&text, FitLine(lines[i], screen.columns - 1), "\x1b[K\n");
    }
    text += "\x1b[J";
    drawn_ = count;
  }
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fflush(out_);
}

}  // namespace pmoe
