// /metrics of one process for Prometheus: an HttpServer, and the values that the process sets now
// and then. Every series says whose it is: run, role and index. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/http/http_server.h"
#include "common/metrics/latency_histogram.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"

namespace pmoe {

// Whose series they are; a process may get another seat.
struct MetricsIdentity {
  std::string run;    // its id, the same in all processes of the run
  std::string role;   // "actor"
  std::string index;  // of its seat; the learner's is 0
};

class MetricsExporter {
 public:
  // address: host:port, port 0 picks a free one. InvalidArgumentError: not that;
  // FailedPreconditionError: it cannot be listened on.
  static absl::StatusOr<std::unique_ptr<MetricsExporter>> Start(const std::string& address);
  // With the port that was picked.
  const std::string& address() const { return address_; }

  // From now on every series has these labels. Before the first call it has none of them.
  void Identify(MetricsIdentity identity) ABSL_LOCKS_EXCLUDED(mu_);
  // A value of MetricList, the whole count for a counter; one that goes backwards is ignored.
  // `label` is the value of the metric's label; of several, with commas between: "insert,version".
  void Set(absl::string_view name, double value, const std::string& label = "")
      ABSL_LOCKS_EXCLUDED(mu_);
  // A histogram of MetricList: all that it has counted since its start. Always the same one.
  void SetHistogram(absl::string_view name, const LatencyHistogram& histogram)
      ABSL_LOCKS_EXCLUDED(mu_);

  using Page = std::function<HttpAnswer(const HttpRequest&)>;
  // Serves another page beside /metrics; `page` is called by the server's thread.
  void AddPage(const std::string& path, Page page) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // One time series; Family.Add is slow, so it is kept.
  struct Series {
    prometheus::Counter* counter = nullptr;
    prometheus::Gauge* gauge = nullptr;
    prometheus::Histogram* histogram = nullptr;
    LatencyHistogram::Counts served{};  // of the histogram
  };

  explicit MetricsExporter(std::string address) : address_(std::move(address)) {}
  HttpAnswer Answer(const HttpRequest& request) const ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<prometheus::MetricFamily> Collect() const ABSL_LOCKS_EXCLUDED(mu_);
  Series& Find(absl::string_view name, const std::string& label) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Series Make(absl::string_view name, const std::string& label) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string address_;
  prometheus::Registry registry_;
  mutable Mutex mu_;
  MetricsIdentity identity_ ABSL_GUARDED_BY(mu_);
  std::map<std::pair<std::string, std::string>, Series> series_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Page> pages_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<HttpServer> server_;  // its threads use the rest
};

}  // namespace pmoe
