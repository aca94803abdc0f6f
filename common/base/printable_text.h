// Text from a peer, as logs, terminals and messages may show it. Free functions; thread-safe.
#pragma once

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// Bytes of the UTF-8 character that begins at text[at]: 1 to 4; 0: none does.
inline size_t Utf8Bytes(absl::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t bytes = byte(at) < 0x80   ? 1
                       : byte(at) < 0xc2 ? 0
                       : byte(at) < 0xe0 ? 2
                       : byte(at) < 0xf0 ? 3
                       : byte(at) < 0xf5 ? 4
                                         : 0;
  if (at + bytes > text.size()) return 0;
  for (size_t i = at + 1; i < at + bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return bytes;
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

// Control characters (those of UTF-8, U+0080 to U+009F, too) and bytes that are no UTF-8 as \xNN,
// cut to about `bytes_max` bytes with "…" behind them.
inline std::string PrintableText(absl::string_view text, size_t bytes_max = 64) {
  std::string shown;
  size_t at = 0;
  while (at < text.size() && at < bytes_max) {
    const size_t bytes = Utf8Bytes(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool control = FindControlCharacter(text.substr(at, std::max(bytes, size_t{1}))) == 0;
    if (bytes == 0 || control) {
      absl::StrAppend(&shown, "\\x", absl::Hex(byte, absl::kZeroPad2));
      ++at;
    } else {
      absl::StrAppend(&shown, text.substr(at, bytes));
      at += bytes;
    }
  }
  return at < text.size() ? shown + "…" : shown;
}

// The same for a text of several lines, as a traceback: each cut to about 1,000 bytes, all to about
// 32 KiB.
inline std::string PrintableLines(absl::string_view text) {
  constexpr size_t kLineMax = 1000, kTextMax = 32 << 10;
  std::string shown;
  for (size_t begin = 0; begin <= text.size();) {
    if (shown.size() > kTextMax) return shown + "\n…";
    const size_t end = std::min(text.find('\n', begin), text.size());
    absl::StrAppend(&shown, begin > 0 ? "\n" : "",
                    PrintableText(text.substr(begin, end - begin), kLineMax));
    begin = end + 1;
  }
  return shown;
}

inline bool IsUtf8(absl::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = Utf8Bytes(text, at);
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

}  // namespace pmoe
