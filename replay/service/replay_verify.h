// What a shard's folder holds, and what of it is damaged, for people. Reads and never writes.
#pragma once

#include <cstdio>
#include <string>

#include "absl/status/status.h"

namespace pmoe {

// A folder, or one saved table. DataLossError: something is damaged that a restore would need or
// pass over; the text on `out` says what.
absl::Status VerifyReplay(const std::string& path, std::FILE* out);

}  // namespace pmoe
