// A saved table in text, for people and for checkers that hold it against what writers sent.
#pragma once

#include <cstdio>
#include <string>

#include "absl/status/status.h"

namespace pmoe {

// A line for each transition, on-policy for each row that waits, stream by stream: "actor epoch env
// step crc32c policy_version", the CRC32C being RowCrc as 8 hex digits.
absl::Status DumpTable(const std::string& path, std::FILE* out);

}  // namespace pmoe
