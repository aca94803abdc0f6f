#include "learner/service/run_service.h"

#include <utility>

#include "common/rpc/rpc_status.h"
#include "learner/service/follower_session.h"

namespace pmoe {

grpc::Status RunServiceImpl::Join(grpc::ServerContext* context, const JoinRequest* request,
                                  JoinReply* reply) {
  absl::StatusOr<JoinReply> joined = hub_->Join(*request);
  if (joined.ok()) *reply = *std::move(joined);
  return ToGrpc(joined.status());
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
