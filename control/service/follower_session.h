// One follower's stream: a thread reads its reports, the caller's thread writes directives,
// snapshots and, to an evaluator, what to play. Lives as long as the call.
#pragma once

#include <atomic>
#include <memory>

#include "control/core/evaluation_backlog.h"
#include "control/service/run_hub.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/sync_stream.h"
#include "proto/run.grpc.pb.h"

namespace pmoe {

class FollowerSession {
 public:
  using Stream = grpc::ServerReaderWriter<LearnerMessage, FollowerMessage>;

  FollowerSession(RunHub* hub, EvaluationBacklog* backlog, grpc::ServerContext* context,
                  Stream* stream)
      : hub_(hub), backlog_(backlog), context_(context), stream_(stream) {}

  // `first`: the stream's first message. Until the follower leaves, is lost, given up or put out.
  absl::Status Run(const FollowerMessage& first);

 private:
  // Counts it, and says it in the log.
  void Refused(const FollowerMessage& first, const absl::Status& why) const;
  void ReadReports();
  absl::Status TakeReport(const FollowerMessage& message);
  absl::Status WriteNews();
  absl::Status WriteEvaluation();
  bool WriteSnapshot(uint64_t version, const std::string& bytes);
  bool WriteFilesRequest();
  bool WriteDirective(DirectiveMessage directive);

  RunHub* const hub_;
  EvaluationBacklog* const backlog_;
  grpc::ServerContext* const context_;
  Stream* const stream_;
  FollowerCursor cursor_;
  std::atomic<bool> over_{false};             // nothing more comes from the follower
  std::atomic<bool> leaving_{false};          // by its own will
  absl::Status put_out_;                      // the reading thread's, until it ends
  std::atomic<uint64_t> played_{UINT64_MAX};  // version that the evaluator had before what it plays
  std::atomic<bool> evaluation_refused_{false};  // of what the evaluator plays
  std::shared_ptr<const PolicySnapshot> playing_;
};

}  // namespace pmoe
