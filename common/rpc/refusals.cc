#include "common/rpc/refusals.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/tls/peer_name.h"
#include "grpc/support/log.h"

namespace pmoe {
namespace {

constexpr std::chrono::seconds kSayEvery(10);
constexpr absl::string_view kHandshake = "Handshake failed with fatal error";

void OnGrpcLog(gpr_log_func_args* args) {
  const absl::string_view message = args->message;
  if (!absl::StartsWith(message, kHandshake)) return;
  // "… SSL_ERROR_SSL: error:0A000086:SSL routines::certificate verify failed."
  const size_t at = message.rfind(':');
  absl::string_view reason = at == absl::string_view::npos ? message : message.substr(at + 1);
  absl::ConsumeSuffix(&reason, ".");
  Refusals::OfProcess().Add(kUnverified, absl::StrCat("a TLS connection: ", reason));
}

}  // namespace

Refusals::Refusals() {
  counts_[std::string(kUnverified)] = 0;
  for (const PeerRole role : AllPeerRoles()) counts_[PeerRoleName(role)] = 0;
}

Refusals& Refusals::OfProcess() {
  static auto& refusals = *new Refusals();
  return refusals;
}

void Refusals::Add(absl::string_view caller, absl::string_view what) {
  int64_t unsaid = 0;
  {
    MutexLock lock(&mu_);
    ++counts_[std::string(caller)];
    const Clock::Time now = Clock::Real()->Now();
    if (now < next_line_) {
      ++unsaid_;
      return;
    }
    next_line_ = now + kSayEvery;
    unsaid = std::exchange(unsaid_, 0);
  }
  const std::string more = unsaid == 0 ? "" : absl::StrCat(" (and ", unsaid, " before it)");
  Log(LogLevel::kWarning, "refused ", what, more);
}

std::map<std::string, int64_t> Refusals::Counts() const {
  MutexLock lock(&mu_);
  return counts_;
}

void ListenForFailedHandshakes() {
  if (std::getenv("GRPC_VERBOSITY") != nullptr) return;
  gpr_set_log_function(OnGrpcLog);
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
}

}  // namespace pmoe
