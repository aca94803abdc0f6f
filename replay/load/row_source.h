// Rows of a file that a shard can be given: a saved table, or a NumPy archive. Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "replay/core/chunk.h"

namespace pmoe {

// What the actions of an archive are between, in every dimension; they become [-1, 1].
struct ActionRange {
  double low = -1.0;
  double high = 1.0;

  // InvalidArgumentError: no such range.
  static absl::StatusOr<ActionRange> Parse(const std::string& text);
};

struct SourceRow {
  uint64_t index = 0;       // in the file
  Transition transition{};  // borrowed for the call; of policy version 0
  // False: whatever its observation is, it does not follow from the row before.
  bool follows = true;
};

class RowSource {
 public:
  // Anything but OK ends the visit.
  using Visitor = absl::FunctionRef<absl::Status(const SourceRow&)>;

  virtual ~RowSource() = default;
  virtual const TableSpec& spec() const = 0;
  virtual uint64_t rows() const = 0;  // in the file
  // Every row that can be loaded, in order, from the first one on. Returns how many others there
  // were. InvalidArgumentError names array and value, not the file.
  virtual absl::StatusOr<uint64_t> Visit(Visitor visit) = 0;
};

// By what the file begins with. `actions`: of an archive. Errors name the path.
absl::StatusOr<std::unique_ptr<RowSource>> OpenRows(const std::string& path,
                                                    const ActionRange& actions);

// Can it be learned from? InvalidArgumentError names column, place, value and what to do.
absl::Status CheckRow(const SourceRow& row);

}  // namespace pmoe
