// Lines on a terminal that are drawn over themselves, without clearing first, so that nothing
// flickers and what was there before stays. On anything but a terminal, and on a dumb one, nothing
// is drawn over. Thread-compatible.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cli/watch/styled_text.h"

namespace pmoe {

struct ScreenSize {
  int columns = 80;
  int lines = 24;
};

// Of the terminal behind `fd` now; 80 x 24 where it is none or does not say.
ScreenSize TerminalSize(int fd);

class LiveScreen {
 public:
  // `out` outlives the screen. color: --color's word ("auto": where it can be shown).
  explicit LiveScreen(std::FILE* out, absl::string_view color = "never");

  bool is_terminal() const { return is_terminal_; }
  ScreenSize size() const;
  // Over what the last Draw drew: lines cut to the terminal's width, and those beyond its height
  // left away. Elsewhere than on a terminal: whole lines, below the last ones.
  void Draw(const std::vector<StyledLine>& lines);
  void Draw(const std::vector<std::string>& lines);

 private:
  std::FILE* const out_;
  const bool is_terminal_;
  const bool color_;
  size_t drawn_ = 0;  // lines that the cursor is below the drawing's first
};

}  // namespace pmoe
