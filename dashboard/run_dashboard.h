// The dashboard of a process that trains one run: that run live, beside it the other runs of the
// same folder. Free function.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dashboard/dashboard.h"
#include "dashboard/dashboard_flags.h"

namespace pmoe {

// Prints the URL. Null without one: --dashboard none, or no address was named and no port is free,
// which a note says: nobody asked for it. `status`: the run as it is now; called by any
// thread.
absl::StatusOr<std::unique_ptr<Dashboard>> StartRunDashboard(const DashboardFlags& flags,
                                                             const std::string& directory,
                                                             std::function<RunStatus()> status);

// As above, of a process that trains several runs in the folder `directory`: those, beside them the
// runs that lie where `directory` lies. The page opens with the run `first`.
absl::StatusOr<std::unique_ptr<Dashboard>> StartSeedsDashboard(const DashboardFlags& flags,
                                                               const std::string& directory,
                                                               const std::string& first,
                                                               LiveStatus live);

}  // namespace pmoe
