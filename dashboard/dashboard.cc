#include "dashboard/dashboard.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "dashboard/dashboard_address.h"
#include "dashboard/site.h"

namespace pmoe {
namespace {

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || absl::StartsWith(host, "127.");
}

std::string WithPort(const std::string& host, int port) {
  return absl::StrContains(host, ':') ? absl::StrCat("[", host, "]:", port)
                                      : absl::StrCat(host, ":", port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dashboard>> Dashboard::Start(DashboardOptions options) {
  PMOE_ASSIGN_OR_RETURN(const DashboardAddress address, ParseDashboardAddress(options.address));
  std::string token;
  if (!options.token_file.empty()) {
    PMOE_ASSIGN_OR_RETURN(token, ReadTokenFile(options.token_file));
  }
  absl::StatusOr<ListeningSocket> socket = ListeningSocket::Tcp(address.host, address.port);
  for (int i = 1; i < address.ports && !socket.ok(); ++i) {
    socket = ListeningSocket::Tcp(address.host, address.port + i);
  }
  if (!socket.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--dashboard cannot listen on ", WithPort(address.host, address.port),
        address.ports > 1 ? absl::StrCat(" to ", address.port + address.ports - 1) : "",
        ": another process does, or the host is not this machine's; choose another port, or 0, or "
        "none"));
  }
  const int port = socket->port();
  auto site = std::make_unique<Site>(options, Access(token, IsLoopback(address.host)),
                                     *std::move(socket), WithPort(address.host, port));
  const bool everywhere = address.host == "0.0.0.0" || address.host == "::";
  std::string url =
      absl::StrCat("http://", WithPort(everywhere ? "127.0.0.1" : address.host, port), "/");
  return std::unique_ptr<Dashboard>(
      new Dashboard(std::move(site), WithPort(address.host, port), std::move(url)));
}

Dashboard::Dashboard(std::unique_ptr<Site> site, std::string address, std::string url)
    : site_(std::move(site)), address_(std::move(address)), url_(std::move(url)) {}

Dashboard::~Dashboard() = default;

}  // namespace pmoe
