#include "dashboard/dashboard_address.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr char kDefaultHost[] = "127.0.0.1";
constexpr int kDefaultPort = 6006;
constexpr int kPortsTried = 100;

}  // namespace

absl::StatusOr<DashboardAddress> ParseDashboardAddress(const std::string& text) {
  if (text.empty()) return DashboardAddress{kDefaultHost, kDefaultPort, kPortsTried};
  const size_t colon = text.rfind(':');
  std::string host = colon == std::string::npos ? kDefaultHost : text.substr(0, colon);
  const std::string digits = colon == std::string::npos ? text : text.substr(colon + 1);
  int port = -1;
  if (host.empty() || !absl::SimpleAtoi(digits, &port) || port < 0 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("--dashboard must be host:port, like 127.0.0.1:6006 (port 0 picks one), a "
                     "port alone, or none, got \"",
                     text, "\""));
  }
  // "[::1]"
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return DashboardAddress{host, port, 1};
}

}  // namespace pmoe
