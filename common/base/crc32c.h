// CRC32C (Castagnoli) by the SSE4.2 instruction, which the x86-64-v3 baseline guarantees.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace pmoe {

// Extends `crc` (0 to start) by `data`.
uint32_t Crc32c(absl::string_view data, uint32_t crc = 0);

}  // namespace pmoe
