// What other processes have used so far, read from /proc. Free functions; zeros for a process that
// is gone.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

namespace pmoe {

// User and system time of all its threads that live.
double CpuSecondsOf(pid_t pid);

// Its threads: id to name and CPU-seconds.
struct ThreadTimes {
  std::string name;
  double cpu_s = 0.0;
};
std::map<pid_t, ThreadTimes> ThreadsOf(pid_t pid);

// Memory that is its own: pages that it has written. Text and data of libraries that it has not
// written are shared with every other process that maps them.
double PrivateMegabytes(pid_t pid);

}  // namespace pmoe
