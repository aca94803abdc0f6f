#include "learner/service/claim.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/rpc/callers.h"
#include "common/rpc/refusals.h"
#include "common/run/run_messages.h"
#include "learner/service/roster.h"

namespace pmoe {

absl::Status CheckClaim(const grpc::AuthContext& caller, RunRole claimed) {
  const std::optional<PeerName> peer = PeerOf(caller);
  if (!peer.has_value()) return absl::OkStatus();
  const PeerRole needed = claimed == RUN_ROLE_REPLAY ? PeerRole::kReplay : PeerRole::kActor;
  if (peer->role == needed) return absl::OkStatus();
  const std::string text = absl::StrCat("the certificate is of role ", PeerRoleName(peer->role),
                                        ", which cannot join as ", RoleName(claimed),
                                        "; give --tls the folder of role ", PeerRoleName(needed));
  Refusals::OfProcess().Add(PeerRoleName(peer->role), "a member: " + text);
  return absl::PermissionDeniedError(text);
}

}  // namespace pmoe
