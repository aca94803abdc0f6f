// Names of the tables that a shard may have beside its run's own, which has none. Free functions.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// Of a shard, the run's own table included.
inline constexpr int kTablesMax = 8;

// InvalidArgumentError, with `field` and the name: it is neither empty nor [a-z0-9-]{1,32}.
absl::Status CheckTableName(absl::string_view field, absl::string_view name);

// Where a shard that keeps its files in `dir` keeps those of its table of that name.
std::string NamedTableFolder(const std::string& dir, absl::string_view name);

}  // namespace pmoe
