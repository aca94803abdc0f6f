#include "dashboard/dashboard_flags.h"

#include "CLI/CLI.hpp"
#include "dashboard/dashboard_address.h"

namespace pmoe {

void DashboardFlags::AddTo(CLI::App* app) {
  app->add_option("--dashboard", address,
                  "Serve the dashboard there; a port alone: on this machine; port 0: any; none: "
                  "nowhere; default: "
                  "127.0.0.1:6006 or the next free port")
      ->type_name("[HOST:]PORT");
  app->add_option("--dashboard-token", token_file, "Only for whoever knows the token in this file")
      ->type_name("FILE");
}

absl::Status DashboardFlags::Check() const {
  return wanted() ? ParseDashboardAddress(address).status() : absl::OkStatus();
}

std::vector<std::string> DashboardFlags::Words() const {
  std::vector<std::string> words;
  if (!address.empty()) words.insert(words.end(), {"--dashboard", address});
  if (!token_file.empty()) words.insert(words.end(), {"--dashboard-token", token_file});
  return words;
}

}  // namespace pmoe
