// How the runs of `pmoe train --seeds` fare, read from their folder; whoever trains them, and also
// when nobody does. Free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pmoe {

struct SeedRow {
  uint64_t seed = 0;
  std::string directory;
  int64_t env_steps = 0;
  int64_t total_steps = 0;
  std::optional<double> eval_return;
  std::optional<double>
      written_s;     // seconds since its last row of metrics; nullopt: none yet, or not known
  std::string said;  // the last that log.txt has of it
};

// Ascending by seed; empty where `directory` has no such runs. An error names the run whose
// configuration cannot be read.
absl::StatusOr<std::vector<SeedRow>> ReadSeedRows(const std::string& directory);

// A head and a line for each run.
std::vector<std::string> SeedRowLines(const std::vector<SeedRow>& rows);
// An array, in one line.
std::string SeedRowsJson(const std::vector<SeedRow>& rows);

}  // namespace pmoe
