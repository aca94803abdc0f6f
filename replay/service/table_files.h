// The saved tables of a shard: <dir>/<name>.table. Thread-compatible; one caller at a time, because
// a name that is being written exists under another one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pmoe {

// The names of tables that have a NamedTableFolder there, in order; files and other names are
// passed over.
std::vector<std::string> NamedTablesIn(const std::string& dir);

class TableFiles {
 public:
  explicit TableFiles(std::string dir) : dir_(std::move(dir)) {}

  const std::string& dir() const { return dir_; }
  // InvalidArgumentError unless the name is of [0-9a-z-]+, at most 64 characters.
  absl::StatusOr<std::string> Path(const std::string& name) const;
  struct Found {
    std::string name;
    uint64_t number = 0;  // of the save (TableHistory)
    uint64_t log_position = 0;
    bool damaged = false;  // it does not even say these: numbers are 0
    std::filesystem::file_time_type written{};
  };
  // What is there, the newest save first; before it those that are damaged, so that whoever wants
  // the newest meets them, and says so. Times count only where files do not say: a copy, a
  // restored backup or a clock that was set changes them.
  absl::StatusOr<std::vector<Found>> NewestFirst() const;
  // For the next save.
  static uint64_t NextNumber(const std::vector<Found>& files);
  // Removes every table whose name is not listed, and what a write that was cut off left behind.
  absl::Status KeepOnly(const std::vector<std::string>& names) const;

 private:
  std::string dir_;
};

}  // namespace pmoe
