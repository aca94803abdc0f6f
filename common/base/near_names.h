// Suggestions for a misspelt name, for error messages. Pure function.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace pmoe {

// The names of `known` that `given` may stand for, nearest first, at most 3. Upper and lower case
// count as equal; a name counts as near if a third of the letters differ at most, or if it contains
// `given`.
std::vector<std::string> NearNames(absl::string_view given, absl::Span<const std::string> known);

}  // namespace pmoe
