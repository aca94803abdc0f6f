// What a run of several seeds (common/config/seed_folder.h) has done so far, and its new start.
// Free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "run/run_directory.h"

namespace pmoe {

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
