#include "common/metrics/process_metrics.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/memory_limit.h"

namespace pmoe {
namespace {

constexpr double kEvery_s = 0.5;
// "eth0: BYTES packets errs drop fifo frame compressed multicast BYTES …"
constexpr size_t kReceived = 0, kSent = 8;

}  // namespace

NetworkBytes ParseNetworkBytes(const std::string& text) {
  NetworkBytes bytes;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (parts.size() != 2 || absl::StripAsciiWhitespace(parts[0]) == "lo") continue;
    const std::vector<absl::string_view> numbers = absl::StrSplit(parts[1], ' ', absl::SkipEmpty());
    uint64_t received = 0, sent = 0;
    if (numbers.size() <= kSent || !absl::SimpleAtoi(numbers[kReceived], &received) ||
        !absl::SimpleAtoi(numbers[kSent], &sent)) {
      continue;
    }
    bytes.received += received;
    bytes.sent += sent;
  }
  return bytes;
}

void ProcessMetrics::Export(MetricsExporter* metrics) {
  if (exported_ && since_export_.Elapsed() < kEvery_s) return;
  exported_ = true;
  since_export_.Lap();
  const ProcessLoad load = meter_.Look();
  metrics->Set("pmoe_process_cpu_seconds_total", load.cpu_s);
  metrics->Set("pmoe_process_cores", load.cores);
  metrics->Set("pmoe_process_memory_bytes", static_cast<double>(load.memory_bytes));
  const auto limit = static_cast<double>(MemoryLimit());
  if (limit > 0) metrics->Set("pmoe_process_memory_limit_bytes", limit);
  const absl::StatusOr<std::string> text = ReadText("/proc/self/net/dev");
  if (!text.ok()) return;
  const NetworkBytes bytes = ParseNetworkBytes(*text);
  metrics->Set("pmoe_process_network_bytes_total", static_cast<double>(bytes.received), "received");
  metrics->Set("pmoe_process_network_bytes_total", static_cast<double>(bytes.sent), "sent");
}

}  // namespace pmoe
