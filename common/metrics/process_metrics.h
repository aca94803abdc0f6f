// What this process takes of its machine, as every role serves it: CPU, cores, memory, network.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/process_usage.h"
#include "common/base/stopwatch.h"
#include "common/metrics/exporter.h"

namespace pmoe {

struct NetworkBytes {
  uint64_t received = 0;
  uint64_t sent = 0;
};
// Of all interfaces but loopback in `text`, which is /proc/net/dev's; what is no line of it is left
// out.
NetworkBytes ParseNetworkBytes(const std::string& text);

class ProcessMetrics {
 public:
  // Sets pmoe_process_*; sooner than half a second after the last time it does nothing.
  void Export(MetricsExporter* metrics);

 private:
  ProcessMeter meter_;
  Stopwatch since_export_;
  bool exported_ = false;
};

}  // namespace pmoe
