// Numbers and texts as C source. Pure functions, independent of the locale.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace pmoe {

// A literal that reads back to the same bits: 0.1f, -0.0f, 1e-05f.
std::string CFloat(float value);
// "static const float NAME[] = {…};", some numbers a line.
std::string CFloatArray(const std::string& name, absl::Span<const float> values);
std::string CIntArray(const std::string& name, absl::Span<const int> values);
// In quotes, with escapes for all but printable ASCII.
std::string CString(absl::string_view text);
// What may stand inside a comment: printable ASCII without * and backslash.
std::string CComment(absl::string_view text);

}  // namespace pmoe
