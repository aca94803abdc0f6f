// How many cores this process may use. Free functions; thread-safe.
#pragma once

#include <string>

namespace pmoe {

// The cores of its affinity (taskset, Slurm), or the quota of the control group that it is in (a
// container's, a pod's, a service's) where that is less; at least 1.
int UsableCores();

// The parts, for tests. Cores that the least quota on the way from the group that `groups` (the
// text of /proc/self/cgroup) names up to `root` is worth: cpu.max (version 2), or cpu.cfs_quota_us
// over cpu.cfs_period_us (version 1). 0: none.
double GroupCoreQuota(const std::string& groups, const std::string& root);

}  // namespace pmoe
