#include "common/metrics/exporter.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/metrics/metric_list.h"

namespace pmoe {
namespace {

constexpr std::chrono::milliseconds kKnockEvery(5);

// Connects to this machine's port and hangs up.
void KnockAt(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(port));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name));
  ::close(fd);
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
  // The library reports a port in use by an exception of its own.
  try {
    auto exposer = std::make_unique<prometheus::Exposer>(address, /*num_threads=*/1);
    const std::vector<int> ports = exposer->GetListeningPorts();
    if (!ports.empty()) port = ports.front();
    const std::string bound = absl::StrCat(address.substr(0, colon), ":", port);
    return std::unique_ptr<MetricsExporter>(new MetricsExporter(bound, port, std::move(exposer)));
  } catch (const std::exception&) {
    return absl::FailedPreconditionError(
        absl::StrCat("--metrics cannot listen on ", address,
                     ": another process does, or the host is not this machine's; choose another "
                     "port, or 0"));
  }
}

MetricsExporter::MetricsExporter(std::string address, int port,
                                 std::unique_ptr<prometheus::Exposer> exposer)
    : address_(std::move(address)),
      port_(port),
      registry_(std::make_shared<prometheus::Registry>()),
      exposer_(std::move(exposer)) {
  exposer_->RegisterCollectable(registry_);
}

// The library's server looks at its stop flag when somebody connects, or every two seconds; a
// process that shall end does not wait that long.
MetricsExporter::~MetricsExporter() {
  std::atomic<bool> stopped{false};
  std::thread stopper([&] {
    exposer_.reset();
    stopped = true;
  });
  while (!stopped) {
    KnockAt(port_);
    std::this_thread::sleep_for(kKnockEvery);
  }
  stopper.join();
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
