#include "control/service/run_service.h"

#include "common/base/status_macros.h"
#include "common/rpc/rpc_status.h"
#include "control/service/claim.h"
#include "control/service/follower_session.h"

namespace pmoe {

absl::Status RunServiceImpl::DoJoin(const grpc::AuthContext& caller, const JoinRequest& request,
                                    JoinReply* reply) {
  PMOE_RETURN_IF_ERROR(CheckClaim(caller, request.role()));
  PMOE_ASSIGN_OR_RETURN(*reply, hub_->Join(request));
  return absl::OkStatus();
}

grpc::Status RunServiceImpl::Join(grpc::ServerContext* context, const JoinRequest* request,
                                  JoinReply* reply) {
  return ToGrpc(DoJoin(*context->auth_context(), *request, reply));
}

grpc::Status RunServiceImpl::Follow(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<LearnerMessage, FollowerMessage>* stream) {
  return ToGrpc(FollowerSession(hub_, backlog_, context, stream).Run());
}

grpc::Status RunServiceImpl::GetStatus(grpc::ServerContext* context,
                                       const GetStatusRequest* request, RunStatus* reply) {
  *reply = hub_->Status();
  return grpc::Status::OK;
}

}  // namespace pmoe
