// Lines for a terminal whose parts have tones, and whether tones become colours. Pure functions but
// for WantsColor, which reads the environment.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace pmoe {

enum class Tone { kPlain, kStrong, kFaint, kGood, kWarning, kBad };

struct Span {
  std::string text;
  Tone tone = Tone::kPlain;
};
using StyledLine = std::vector<Span>;

inline constexpr int kNoLimit = 1 << 20;  // columns or lines where nothing is cut

// The first `columns` characters of UTF-8 text, without line ends and other control characters: a
// remote label must not steer the terminal.
std::string FitLine(absl::string_view text, int columns);

// Fitted likewise. color: tones are ANSI sequences, each ended within the line.
std::string RenderLine(const StyledLine& line, int columns, bool color);

// Sentences over as many lines as they need; a longer word is left to be cut.
std::vector<StyledLine> WrapText(absl::string_view text, Tone tone, int columns);

// choice: "always", "never" or "auto", of --color. auto: on a terminal that is not TERM=dumb,
// unless NO_COLOR says something (no-color.org).
bool WantsColor(absl::string_view choice, bool is_terminal);

}  // namespace pmoe
