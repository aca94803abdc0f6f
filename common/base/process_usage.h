// What this process takes of its machine: CPU and memory; what all take. Thread-compatible.
#pragma once

#include <cstdint>

#include "common/base/stopwatch.h"

namespace pmoe {

struct ProcessLoad {
  double cpu_cores = 0.0;    // since the look before: 1 is one core all the time
  double cpu_s = 0.0;        // of all its threads, since it began
  int64_t memory_bytes = 0;  // resident
  int cores = 1;             // that it may use, UsableCores
};

class ProcessMeter {
 public:
  ProcessMeter();
  // Looks at most twice a second; sooner, the answer is the one before.
  ProcessLoad Look();

 private:
  Stopwatch since_look_;
  double cpu_s_;
  ProcessLoad load_;
};

// CPU-seconds of all processes since the machine's start, to a hundredth; what a hypervisor took
// away counts. 0 where there is no /proc/stat.
double MachineCpuSeconds();

}  // namespace pmoe
