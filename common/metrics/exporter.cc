#include "common/metrics/exporter.h"

#include <sys/socket.h>

#include <chrono>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/thread_name.h"
#include "common/metrics/metric_list.h"
#include "httplib.h"
#include "prometheus/text_serializer.h"

namespace pmoe {
namespace {

// Not prometheus-cpp's own server: CivetWeb gives its threads 100 KB of stack, 91 of which are
// MuJoCo's thread-local storage in a process that links it, and the first scrape ends an actor.
std::unique_ptr<httplib::Server> MakeServer() {
  auto server = std::make_unique<httplib::Server>();
  server->new_task_queue = [] { return new httplib::ThreadPool(/*n=*/1); };
  // One scraper that stays connected would keep others, and the process's end, waiting.
  server->set_keep_alive_max_count(1);
  // The library's default lets two processes share a port.
  server->set_socket_options([](int socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  return server;
}

// "door, reason" and "insert,version": each name with its value. They are this program's own words.
prometheus::Labels LabelsOf(const MetricInfo& info, const std::string& values) {
  const std::vector<std::string> names = absl::StrSplit(info.label, ", ");
  const std::vector<std::string> parts = absl::StrSplit(values, ',');
  PMOE_CHECK(names.size() == parts.size());
  prometheus::Labels labels;
  for (size_t i = 0; i < names.size(); ++i) labels[names[i]] = parts[i];
  return labels;
}

// The port, or -1.
int Bind(httplib::Server* server, absl::string_view host, int port) {
  absl::ConsumePrefix(&host, "[");
  absl::ConsumeSuffix(&host, "]");
  const std::string name(host);
  if (port == 0) return server->bind_to_any_port(name);
  return server->bind_to_port(name, port) ? port : -1;
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
  std::unique_ptr<httplib::Server> server = MakeServer();
  port = Bind(server.get(), host, port);
  if (port < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("--metrics cannot listen on ", address,
                     ": another process does, or the host is not this machine's; choose another "
                     "port, or 0"));
  }
  return std::unique_ptr<MetricsExporter>(
      new MetricsExporter(absl::StrCat(host, ":", port), std::move(server)));
}

MetricsExporter::MetricsExporter(std::string address, std::unique_ptr<httplib::Server> server)
    : address_(std::move(address)), server_(std::move(server)) {
  server_->Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(prometheus::TextSerializer().Serialize(registry_.Collect()),
                         "text/plain; version=0.0.4; charset=utf-8");
  });
  thread_ = std::thread([this] {
    NameThread("metrics");
    server_->listen_after_bind();
  });
  // Only a server that has begun can be stopped.
  while (!server_->is_running()) Clock::Real()->Sleep(std::chrono::milliseconds(1));
}

MetricsExporter::~MetricsExporter() {
  server_->stop();
  thread_.join();
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
