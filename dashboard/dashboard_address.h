// Where --dashboard says that the page is served. Pure function.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace pmoe {

struct DashboardAddress {
  std::string host;
  int port = 0;   // 0: any
  int ports = 1;  // to try, from `port` on
};

// "host:port", "port" (on this machine alone), or "" for the default, which tries several ports.
absl::StatusOr<DashboardAddress> ParseDashboardAddress(const std::string& text);

}  // namespace pmoe
