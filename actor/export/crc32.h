// CRC-32 as zip and Python's zlib have it: what a reader of an exported file has at hand, unlike
// CRC32C. Pure function.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace pmoe {

// Extends `crc` (0 to start) by `data`.
inline uint32_t Crc32(absl::string_view data, uint32_t crc = 0) {
  crc = ~crc;
  for (const char c : data) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

}  // namespace pmoe
