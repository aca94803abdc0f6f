// Looking at every row of a file before one of them is used, and saying how far a long way through
// it is. Single-threaded.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/stopwatch.h"
#include "replay/load/row_source.h"

namespace pmoe {

// Says now and then how far it is, on stderr.
class RowProgress {
 public:
  RowProgress(absl::string_view verb, uint64_t total) : verb_(verb), total_(total) {}
  void OnRow(uint64_t index);

 private:
  const std::string verb_;
  const uint64_t total_;
  Stopwatch watch_;
};

// CancelledError once it is set.
absl::Status CheckInterrupt(const std::atomic<bool>& interrupted);

// How many rows can be loaded, at least one. InvalidArgumentError names array and value of one that
// cannot be learned from, not the file.
absl::StatusOr<uint64_t> CheckRows(RowSource* source, const std::atomic<bool>& interrupted);

}  // namespace pmoe
