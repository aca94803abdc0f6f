// The saved tables of a shard: <dir>/<name>.table. Thread-compatible; one caller at a time, because
// a name that is being written exists under another one.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pmoe {

class TableFiles {
 public:
  explicit TableFiles(std::string dir) : dir_(std::move(dir)) {}

  const std::string& dir() const { return dir_; }
  // InvalidArgumentError unless the name is of [0-9a-z-]+, at most 64 characters.
  absl::StatusOr<std::string> Path(const std::string& name) const;
  // Names of what is there, the one written last first.
  absl::StatusOr<std::vector<std::string>> NewestFirst() const;
  // Removes every table whose name is not listed, and what a write that was cut off left behind.
  absl::Status KeepOnly(const std::vector<std::string>& names) const;

 private:
  std::string dir_;
};

}  // namespace pmoe
