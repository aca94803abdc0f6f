#include "common/metrics/exporter.h"

#include <exception>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/metrics/metric_list.h"

namespace pmoe {

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
  // The library reports a port in use by an exception of its own.
  try {
    auto exposer = std::make_unique<prometheus::Exposer>(address, /*num_threads=*/1);
    const std::vector<int> ports = exposer->GetListeningPorts();
    const std::string bound =
        absl::StrCat(address.substr(0, colon), ":", ports.empty() ? port : ports.front());
    return std::unique_ptr<MetricsExporter>(new MetricsExporter(bound, std::move(exposer)));
  } catch (const std::exception&) {
    return absl::FailedPreconditionError(
        absl::StrCat("--metrics cannot listen on ", address,
                     ": another process does, or the host is not this machine's; choose another "
                     "port, or 0"));
  }
}

MetricsExporter::MetricsExporter(std::string address, std::unique_ptr<prometheus::Exposer> exposer)
    : address_(std::move(address)),
      registry_(std::make_shared<prometheus::Registry>()),
      exposer_(std::move(exposer)) {
  exposer_->RegisterCollectable(registry_);
}

MetricsExporter::Series MetricsExporter::Make(absl::string_view name, const std::string& label) {
  const MetricInfo* info = FindMetric(name);
  PMOE_CHECK(info != nullptr);
  prometheus::Labels labels;
  if (info->label[0] != '\0') labels[info->label] = label;
  Series series;
  if (info->kind == MetricKind::kCounter) {
    series.counter = &prometheus::BuildCounter()
                          .Name(info->name)
                          .Help(info->help)
                          .Register(*registry_)
                          .Add(labels);
  } else {
    series.gauge = &prometheus::BuildGauge()
                        .Name(info->name)
                        .Help(info->help)
                        .Register(*registry_)
                        .Add(labels);
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
