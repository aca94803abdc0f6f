// What this process may use of its machine's memory. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

namespace pmoe {

// Bytes: the machine's memory, or the limit of the control group that the process is in (a
// container's, Slurm's) where that is less; 0 where neither can be asked.
int64_t MemoryLimit();

// The parts, for tests. The least memory.max (version 2) or memory.limit_in_bytes (version 1) on
// the way from the group that `groups` (the text of /proc/self/cgroup) names up to `root`; 0: none.
int64_t GroupMemoryLimit(const std::string& groups, const std::string& root);

}  // namespace pmoe
