#include "control/service/run_service.h"

#include "absl/strings/str_cat.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"
#include "common/metrics/rejections.h"
#include "common/rpc/peer_host.h"
#include "common/rpc/rpc_status.h"
#include "control/service/follower_session.h"
#include "control/wire/claim.h"
#include "control/wire/run_messages.h"
#include "control/wire/sense.h"

namespace pmoe {

namespace {

std::string Describe(const JoinRequest& request, const std::string& peer) {
  return absl::StrCat(RoleName(request.role()), " of pid ", request.process().pid(), " on ",
                      PrintableText(request.process().host()), ", from ", peer);
}

}  // namespace

absl::Status RunServiceImpl::DoJoin(const grpc::ServerContext& context, const JoinRequest& request,
                                    JoinReply* reply) {
  PMOE_ASSIGN_OR_RETURN(const std::optional<uint32_t> only,
                        ClaimedSeat(*context.auth_context(), request.role()));
  const std::string peer = PeerHost(context.peer());
  if (const MaybeNonsense nonsense = CheckJoin(request)) {
    Rejections::OfProcess().Add("join", nonsense->reason, Describe(request, peer), nonsense->what);
    return nonsense->ToStatus();
  }
  PMOE_ASSIGN_OR_RETURN(*reply, hub_->Join(request, peer, only));
  const Seat& before = request.previous();
  // It gets another seat, as does a member of a run whose key was lost.
  if (before.run_id() == reply->seat().run_id() && !hub_->IsSigned(request.role(), before)) {
    Rejections::OfProcess().Add("join", "seat", Describe(request, peer),
                                absl::StrCat("this run never gave out its seat ", before.index(),
                                             " of epoch ", before.epoch()));
  }
  return absl::OkStatus();
}

grpc::Status RunServiceImpl::Join(grpc::ServerContext* context, const JoinRequest* request,
                                  JoinReply* reply) {
  return ToGrpc(DoJoin(*context, *request, reply));
}

grpc::Status RunServiceImpl::Follow(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<LearnerMessage, FollowerMessage>* stream) {
  FollowerMessage first;
  const absl::Status spoke = first_messages_.Read(context, stream, &first);
  if (!spoke.ok()) return ToGrpc(spoke);
  return ToGrpc(FollowerSession(hub_, backlog_, context, stream).Run(first));
}

grpc::Status RunServiceImpl::GetStatus(grpc::ServerContext* context,
                                       const GetStatusRequest* request, RunStatus* reply) {
  *reply = hub_->Status();
  return grpc::Status::OK;
}

}  // namespace pmoe
