// The setting observe.info. Free function; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pmoe {

// The names in "a, b"; "success" is left out, because it always has its columns.
// InvalidArgumentError: one that is no name, or comes twice.
absl::StatusOr<std::vector<std::string>> InfoNames(const std::string& list);

}  // namespace pmoe
