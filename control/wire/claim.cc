#include "control/wire/claim.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/callers.h"
#include "common/rpc/refusals.h"
#include "control/wire/run_messages.h"

namespace pmoe {
namespace {

RunRole RoleOf(const PeerName& peer, const PeerSeat& seat) {
  if (peer.role == PeerRole::kReplay) return RUN_ROLE_REPLAY;
  return seat.evaluator ? RUN_ROLE_EVALUATOR : RUN_ROLE_ACTOR;
}

absl::Status Refuse(const PeerName& peer, const std::string& text) {
  Refusals::OfProcess().Add(PeerRoleName(peer.role), "a member: " + text);
  return absl::PermissionDeniedError(text);
}

absl::Status RefuseSeat(const PeerName& peer, const PeerSeat& seat, absl::string_view claim) {
  return Refuse(
      peer, absl::StrCat("the certificate ", peer.Uri(), " is good for ",
                         RoleName(RoleOf(peer, seat)), " ", seat.index, " alone, not for ", claim));
}

}  // namespace

absl::StatusOr<std::optional<uint32_t>> ClaimedSeat(const grpc::AuthContext& caller,
                                                    RunRole claimed) {
  const std::optional<PeerName> peer = PeerOf(caller);
  if (!peer.has_value()) return std::optional<uint32_t>();
  const PeerRole needed = claimed == RUN_ROLE_REPLAY ? PeerRole::kReplay : PeerRole::kActor;
  if (peer->role != needed) {
    return Refuse(*peer, absl::StrCat("the certificate is of role ", PeerRoleName(peer->role),
                                      ", which cannot join as ", RoleName(claimed),
                                      "; give --tls the folder of role ", PeerRoleName(needed)));
  }
  const std::optional<PeerSeat> seat = peer->seat();
  if (!seat.has_value()) return std::optional<uint32_t>();
  if (RoleOf(*peer, *seat) == claimed) return std::optional(seat->index);
  return RefuseSeat(*peer, *seat, absl::StrCat("an ", RoleName(claimed)));
}

absl::Status CheckClaim(const grpc::AuthContext& caller, RunRole claimed, uint32_t index) {
  PMOE_ASSIGN_OR_RETURN(const std::optional<uint32_t> seat, ClaimedSeat(caller, claimed));
  if (!seat.has_value() || *seat == index) return absl::OkStatus();
  const std::optional<PeerName> peer = PeerOf(caller);
  return RefuseSeat(*peer, *peer->seat(), absl::StrCat(RoleName(claimed), " ", index));
}

}  // namespace pmoe
