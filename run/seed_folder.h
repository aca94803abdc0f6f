// Where several runs lie that differ in their seed alone: a run directory DIR/seed_N each, and
// DIR/log.txt. DIR has no config.textproto of its own, and so is no run. Or where a pattern says:
// a path with kSeedMark in the place of the seed. Free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "run/run_directory.h"

namespace pmoe {

// "DIR/seed_3"; of "runs/sac-s{seed}" it is "runs/sac-s3".
std::string SeedRunPath(const std::string& directory, uint64_t seed);

// Of the runs in `directory`, ascending; empty where there is none, or where it is a run itself.
std::vector<uint64_t> SeedsIn(const std::string& directory);

// What metrics.csv of a run says last.
struct LastMetrics {
  int64_t env_steps = 0;  // 0: no row
  std::optional<double> eval_return;
};
LastMetrics ReadLastMetrics(const std::string& run_directory);

// A run that was ended before its first checkpoint begins anew: removes all that it has but its
// lock and configuration.
absl::Status ClearForNewStart(const RunDirectory& directory);

}  // namespace pmoe
