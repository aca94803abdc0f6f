// Text from a peer, as logs, terminals and messages may show it. Free functions; thread-safe.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// Control characters and bytes that are no ASCII as \xNN, cut to `bytes_max` bytes with "…" behind
// them.
inline std::string PrintableText(absl::string_view text, size_t bytes_max = 64) {
  std::string shown;
  for (const char c : text.substr(0, bytes_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      shown += c;
    } else {
      absl::StrAppend(&shown, "\\x", absl::Hex(byte, absl::kZeroPad2));
    }
  }
  return text.size() > bytes_max ? shown + "…" : shown;
}

// The first byte of `text` that a terminal may take for an order: of ASCII's control characters, or
// of those that UTF-8 writes in two bytes (U+0080 to U+009F). npos: none.
inline size_t FindControlCharacter(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return i;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      return i;
    }
  }
  return absl::string_view::npos;
}

}  // namespace pmoe
