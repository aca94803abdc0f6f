// The head of an array in NumPy's .npy format (versions 1 to 3): a Python dictionary as text. Pure
// functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

enum class NpyType { kFloat32, kFloat64, kBool, kUint8, kInt64 };

struct NpyHeader {
  NpyType type = NpyType::kFloat32;
  std::vector<uint64_t> shape{};  // row by row (C order)

  bool operator==(const NpyHeader&) const = default;
};

size_t BytesOf(NpyType type);

// InvalidArgumentError: not such a dictionary, or an array that cannot be loaded, with what NumPy
// makes of it instead.
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view text);

}  // namespace pmoe
