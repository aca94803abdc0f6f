// Is every number of a column one that can be learned from?
#pragma once

#include "absl/types/span.h"

namespace pmoe {

// No NaN and no infinity.
bool AllFinite(absl::Span<const float> values);

}  // namespace pmoe
