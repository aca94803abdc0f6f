// RunService of proto/run.proto on a RunHub. Thread-safe, as gRPC calls it.
#pragma once

#include "common/rpc/first_message.h"
#include "control/core/evaluation_backlog.h"
#include "control/service/run_hub.h"
#include "proto/run.grpc.pb.h"

namespace pmoe {

class RunServiceImpl : public RunService::Service {
 public:
  // Both outlive the service.
  RunServiceImpl(RunHub* hub, EvaluationBacklog* backlog) : hub_(hub), backlog_(backlog) {}

  grpc::Status Join(grpc::ServerContext* context, const JoinRequest* request,
                    JoinReply* reply) override;
  grpc::Status Follow(grpc::ServerContext* context,
                      grpc::ServerReaderWriter<LearnerMessage, FollowerMessage>* stream) override;
  grpc::Status GetStatus(grpc::ServerContext* context, const GetStatusRequest* request,
                         RunStatus* reply) override;

 private:
  absl::Status DoJoin(const grpc::ServerContext& context, const JoinRequest& request,
                      JoinReply* reply);

  FirstMessages first_messages_{"follow"};
  RunHub* const hub_;
  EvaluationBacklog* const backlog_;
};

}  // namespace pmoe
