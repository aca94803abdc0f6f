// A policy as one C file.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "actor/export/exported_policy.h"

namespace pmoe {

// The text of a header, C99 and C++17, whose names begin with `name` (CNameOf): weights as
// constants that read back to the same bits, NAME_act, NAME_step, and under NAME_SELFTEST the
// golden trajectory with NAME_selftest; docs/export.md. It allocates nothing and keeps no state.
// The last line is the CRC-32 of all bytes before it. InvalidArgumentError: bounds that float32
// cannot hold.
absl::StatusOr<std::string> CEdition(const ExportedPolicy& policy, const std::string& name);

// The C identifier that a file's names begin with: "walk-2" of "dir/walk-2.h" makes walk_2.
std::string CNameOf(const std::string& path);

}  // namespace pmoe
