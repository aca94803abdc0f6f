// What a process takes of its machine, as reports and status carry it. Free functions and a class;
// thread-compatible.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/process_usage.h"
#include "proto/run.pb.h"

namespace pmoe {

ProcessUsage MeasureUsage(ProcessMeter* meter);

// The machine's NVIDIA GPUs, through the driver's own library, which is loaded where there is a
// driver. Elsewhere a look costs nothing and shows none.
class GpuMeter {
 public:
  // The arguments are for tests: a file that a driver brings, and its library.
  explicit GpuMeter(const std::string& driver_file = "/dev/nvidiactl",
                    const std::string& library = "libnvidia-ml.so.1");
  ~GpuMeter();

  std::vector<GpuUsage> Look();

 private:
  struct Driver;
  std::unique_ptr<Driver> driver_;  // null: none
};

}  // namespace pmoe
