#include "common/metrics/exporter.h"

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
    answer.body = prometheus::TextSerializer().Serialize(registry_.Collect());
  } else {
    answer.status = kNotFound;
    answer.body = "only /metrics is here\n";
  }
  return answer;
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
  } else {
    series.gauge =
        &prometheus::BuildGauge().Name(info->name).Help(info->help).Register(registry_).Add(labels);
  }
  return series;
}

void MetricsExporter::Set(absl::string_view name, double value, const std::string& label) {
  MutexLock lock(&mu_);
  const auto [at, made] = series_.try_emplace({std::string(name), label});
  if (made) at->second = Make(name, label);
  if (at->second.gauge != nullptr) {
    at->second.gauge->Set(value);
  } else if (value > at->second.counter->Value()) {
    at->second.counter->Increment(value - at->second.counter->Value());
  }
}

}  // namespace pmoe
