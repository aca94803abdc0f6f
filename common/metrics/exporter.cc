#include "common/metrics/exporter.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/check.h"
#include "common/metrics/metric_list.h"
#include "prometheus/text_serializer.h"

namespace pmoe {
namespace {

constexpr int kNotFound = 404;

// "door, reason" and "insert,version": each name with its value. They are this program's own words.
prometheus::Labels LabelsOf(const MetricInfo& info, const std::string& values) {
  const std::vector<std::string> names = absl::StrSplit(info.label, ", ");
  if (names.size() == 1) return {{names[0], values}};
  const std::vector<std::string> parts = absl::StrSplit(values, ',');
  PMOE_CHECK(names.size() == parts.size());
  prometheus::Labels labels;
  for (size_t i = 0; i < names.size(); ++i) labels[names[i]] = parts[i];
  return labels;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsExporter>> MetricsExporter::Start(
    const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("--metrics must be host:port, like 127.0.0.1:9100 (port 0 picks one), got \"",
                     address, "\""));
  }
  const std::string host = address.substr(0, colon);
  absl::StatusOr<ListeningSocket> socket = ListeningSocket::Tcp(host, port);
  if (!socket.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--metrics cannot listen on ", address,
                     ": another process does, or the host is not this machine's; choose another "
                     "port, or 0"));
  }
  std::unique_ptr<MetricsExporter> exporter(
      new MetricsExporter(absl::StrCat(host, ":", socket->port())));
  HttpServerOptions options;
  options.thread_name = "metrics";
  options.where = exporter->address_;
  options.answer = [self = exporter.get()](const HttpRequest& request) {
    return self->Answer(request);
  };
  exporter->server_ = std::make_unique<HttpServer>(*std::move(socket), std::move(options));
  return exporter;
}

HttpAnswer MetricsExporter::Answer(const HttpRequest& request) const {
  HttpAnswer answer;
  if (request.path == "/metrics") {
    answer.type = "text/plain; version=0.0.4; charset=utf-8";
    answer.body = prometheus::TextSerializer().Serialize(Collect());
    return answer;
  }
  Page page;
  answer.body = "only /metrics is here";
  {
    MutexLock lock(&mu_);
    if (const auto at = pages_.find(request.path); at != pages_.end()) page = at->second;
    for (const auto& [path, ignored] : pages_) absl::StrAppend(&answer.body, ", and ", path);
  }
  if (page) return page(request);
  answer.status = kNotFound;
  answer.body += "\n";
  return answer;
}

// Each series with the process's own labels, which may change while it runs.
std::vector<prometheus::MetricFamily> MetricsExporter::Collect() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  MutexLock lock(&mu_);
  if (identity_.role.empty()) return families;
  for (prometheus::MetricFamily& family : families) {
    for (prometheus::ClientMetric& metric : family.metric) {
      metric.label.push_back({"run", identity_.run});
      metric.label.push_back({"role", identity_.role});
      metric.label.push_back({"index", identity_.index});
    }
  }
  return families;
}

void MetricsExporter::Identify(MetricsIdentity identity) {
  MutexLock lock(&mu_);
  identity_ = std::move(identity);
}

void MetricsExporter::AddPage(const std::string& path, Page page) {
  MutexLock lock(&mu_);
  pages_[path] = std::move(page);
}

MetricsExporter::Series MetricsExporter::Make(absl::string_view name, const std::string& label) {
  const MetricInfo* info = FindMetric(name);
  PMOE_CHECK(info != nullptr);
  prometheus::Labels labels;
  if (info->label[0] != '\0') labels = LabelsOf(*info, label);
  Series series;
  if (info->kind == MetricKind::kCounter) {
    series.counter = &prometheus::BuildCounter()
                          .Name(info->name)
                          .Help(info->help)
                          .Register(registry_)
                          .Add(labels);
  } else if (info->kind == MetricKind::kHistogram) {
    series.histogram = &prometheus::BuildHistogram()
                            .Name(info->name)
                            .Help(info->help)
                            .Register(registry_)
                            .Add(labels, LatencyHistogram::CoarseEnds_s());
  } else {
    series.gauge =
        &prometheus::BuildGauge().Name(info->name).Help(info->help).Register(registry_).Add(labels);
  }
  return series;
}

MetricsExporter::Series& MetricsExporter::Find(absl::string_view name, const std::string& label) {
  const auto [at, made] = series_.try_emplace({std::string(name), label});
  if (made) at->second = Make(name, label);
  return at->second;
}

void MetricsExporter::Set(absl::string_view name, double value, const std::string& label) {
  MutexLock lock(&mu_);
  const Series& series = Find(name, label);
  if (series.gauge != nullptr) {
    series.gauge->Set(value);
  } else if (value > series.counter->Value()) {
    series.counter->Increment(value - series.counter->Value());
  }
}

void MetricsExporter::SetHistogram(absl::string_view name, const LatencyHistogram& histogram) {
  LatencyHistogram::Counts counts = histogram.SinceStart();
  MutexLock lock(&mu_);
  Series& series = Find(name, /*label=*/"");
  std::vector<double> more = counts.events;
  for (size_t i = 0; i < series.served.events.size(); ++i) more[i] -= series.served.events[i];
  series.histogram->ObserveMultiple(more, counts.sum_s - series.served.sum_s);
  series.served = std::move(counts);
}

}  // namespace pmoe
