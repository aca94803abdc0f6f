// A series of a page of /metrics.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace pmoe {

// Of the first series of that name whose labels hold `label`, as in side="insert"; nullopt: none.
inline std::optional<double> MetricOf(absl::string_view page, absl::string_view name,
                                      absl::string_view label = "") {
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    if (!absl::StartsWith(line, absl::StrCat(name, "{")) || !absl::StrContains(line, label)) {
      continue;
    }
    double value = 0.0;
    if (absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) return value;
  }
  return std::nullopt;
}

}  // namespace pmoe
