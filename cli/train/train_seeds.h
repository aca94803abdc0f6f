// `pmoe train --seeds`: several runs that differ in their seed alone, in one process and one folder
// (common/config/seed_folder.h). Each is a whole run and has the bits of `pmoe train --seed N`.
#pragma once

#include <atomic>

#include "absl/status/status.h"
#include "common/config/run_start_options.h"
#include "dashboard/dashboard_flags.h"

namespace pmoe {

// Does `start` ask for several runs, or resume some?
bool WantsSeeds(const RunStartOptions& start);

// Begins them or goes on with them, to their end or until *interrupted. When some fail the others
// go on; the error then names their seeds.
absl::Status TrainSeeds(const RunStartOptions& start, const DashboardFlags& dashboard,
                        const std::atomic<bool>& interrupted);

}  // namespace pmoe
