// Where ctest says that the sources and the build are.
#pragma once

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/check.h"

namespace pmoe {

// A file of the checkout. CMake lists the tests too, and says nothing then.
inline std::string SourceFile(absl::string_view path) {
  const char* const source = std::getenv("PMOE_SOURCE_DIR");
  return absl::StrCat(source == nullptr ? "." : source, "/", path);
}

// A binary or plugin of the build.
inline std::string Binary(absl::string_view name) {
  const char* const bin = std::getenv("PMOE_BIN_DIR");
  PMOE_CHECK(bin != nullptr);
  return absl::StrCat(bin, "/", name);
}

}  // namespace pmoe
