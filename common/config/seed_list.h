// The value of --seeds. Pure function.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// At most; every one holds a folder and a lock.
inline constexpr size_t kSeedsMax = 256;

// "1..5", "1,3,7" and "1..3,9" in the order given. InvalidArgumentError with the fix: no number, a
// range that runs backwards, a seed twice, too many.
absl::StatusOr<std::vector<uint64_t>> ParseSeeds(absl::string_view text);

}  // namespace pmoe
