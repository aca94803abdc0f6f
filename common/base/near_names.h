// Suggestions for a misspelt name, for error messages. Pure function.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace pmoe {

// The names of `known` that `given` may stand for, at most 3: first those that contain it as whole
// words (lr: actor_lr), then those that contain it in another way, then those of which a third of
// the letters differ at most; among these the nearest first. Upper and lower case count as equal.
std::vector<std::string> NearNames(absl::string_view given, absl::Span<const std::string> known);

}  // namespace pmoe
