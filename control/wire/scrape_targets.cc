#include "control/wire/scrape_targets.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/address.h"
#include "control/wire/run_messages.h"
#include "nlohmann/json.hpp"

namespace pmoe {
namespace {

constexpr char kFallbackHost[] = "127.0.0.1";

// A member may have said anything, and Prometheus makes a URL of it.
bool IsHost(absl::string_view text) {
  const auto allowed = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view(".-_:[]").find(c) != absl::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

// "learner:9100" -> "learner"; "[::1]:9100" -> "[::1]".
std::string HostOf(absl::string_view asked_at) {
  const size_t bracket = asked_at.rfind(']');
  const size_t colon = asked_at.find(':', bracket == asked_at.npos ? 0 : bracket);
  const absl::string_view host = asked_at.substr(0, colon);
  return IsHost(host) ? std::string(host) : kFallbackHost;
}

bool IsLoopback(absl::string_view host) {
  RpcAddress address;
  address.host = std::string(host);
  return address.is_loopback();
}

class Targets {
 public:
  Targets(const RunStatus& status, absl::string_view cluster, absl::string_view asked_at)
      : run_(status.run_id()), cluster_(cluster), here_(HostOf(asked_at)) {}

  void Add(RunRole role, uint32_t index, absl::string_view metrics, absl::string_view machine) {
    const std::string target = Target(metrics, machine);
    if (target.empty()) return;
    const std::string name = RoleName(role);
    groups_.push_back({{"targets", {target}},
                       {"labels",
                        {{"job", absl::StrCat("pmoe-", name)},
                         {"cluster", cluster_},
                         {"run", run_},
                         {"role", name},
                         {"index", absl::StrCat(index)}}}});
  }
  std::string Json() const {
    return groups_.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }

 private:
  // Empty: nobody could ask there.
  std::string Target(absl::string_view metrics, absl::string_view machine) const {
    const absl::StatusOr<RpcAddress> address = ParseRpcAddress(metrics, "--metrics");
    if (!address.ok() || address->is_unix || address->port == 0 || !IsHost(address->host)) {
      return "";
    }
    const bool is_here = machine == "this machine" || IsLoopback(machine);
    if (address->is_loopback() && !is_here) return "";
    if (!address->is_any()) return address->Text();
    const std::string host = is_here ? here_ : std::string(machine);
    return IsHost(host) ? absl::StrCat(host, ":", address->port) : "";
  }

  const std::string run_;
  const std::string cluster_;
  const std::string here_;
  nlohmann::ordered_json groups_ = nlohmann::ordered_json::array();
};

}  // namespace

std::string ScrapeTargetsJson(const RunStatus& status,
                              absl::FunctionRef<std::string(const MemberStatus&)> machine_of,
                              absl::string_view cluster, absl::string_view asked_at) {
  Targets targets(status, cluster, asked_at);
  targets.Add(RUN_ROLE_LEARNER, 0, status.process().metrics_address(), "this machine");
  for (const MemberStatus& member : status.members()) {
    if (!member.connected() && member.role() != RUN_ROLE_REPLAY) continue;
    targets.Add(member.role(), member.index(), member.process().metrics_address(),
                machine_of(member));
  }
  return targets.Json();
}

}  // namespace pmoe
