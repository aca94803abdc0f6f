#include "common/rpc/security_flags.h"

#include <cstdlib>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

const absl::Duration kSoon = absl::Hours(24 * 14);

void SayWhenItEndsSoon(const std::string& dir, const Identity& identity) {
  const absl::Time end = identity.certificate.validity.to;
  if (end - absl::Now() > kSoon) return;
  Log(LogLevel::kWarning, "the certificate in ", dir, " holds until ", TimeText(end),
      "; renew it with `pmoe certs init` in time, no restart is needed");
}

}  // namespace

void SecurityFlags::AddTo(CLI::App* app) {
  app->add_option("--tls", tls,
                  "Folder of ca.pem, cert.pem and key.pem (`pmoe certs init` makes them), for TCP; "
                  "default: PMOE_TLS of the environment")
      ->type_name("DIR");
  app->add_flag("--insecure", insecure, "TCP without TLS, on this machine's loopback only");
}

absl::StatusOr<RpcSecurity> SecurityFlags::Load(std::optional<PeerRole> role) const {
  if (insecure && !tls.empty()) {
    return absl::InvalidArgumentError("--insecure and --tls exclude each other: give one of them");
  }
  if (insecure) return RpcSecurity::InsecureLoopback();
  const char* const variable = std::getenv("PMOE_TLS");
  const std::string dir = !tls.empty() ? tls : variable != nullptr ? variable : "";
  if (dir.empty()) return RpcSecurity();
  PMOE_ASSIGN_OR_RETURN(RpcSecurity security, RpcSecurity::FromFolder(dir));
  const Identity& identity = *security.identity();
  if (role.has_value() && identity.name.role != *role) {
    return absl::InvalidArgumentError(
        absl::StrCat(tls.empty() ? "PMOE_TLS" : "--tls", " ", dir,
                     " holds the certificate of role ", PeerRoleName(identity.name.role),
                     ", this process needs one of role ", PeerRoleName(*role)));
  }
  SayWhenItEndsSoon(dir, identity);
  return security;
}

}  // namespace pmoe
