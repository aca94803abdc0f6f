// The learner's rollouts over gRPC, from the one shard of an on-policy run. Used by the learner's
// thread only.
//
// A rollout is asked for under an id until it has arrived whole, so that one whose answer was lost
// comes again instead of being gone. A repeated Take may change the request as long as the shard
// has not met it; what it has taken comes as it was asked for first. Ids begin at 1, so that a life
// (epoch) of a learner has one source.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/address.h"
#include "common/rpc/backoff.h"
#include "common/rpc/security.h"
#include "proto/replay.grpc.pb.h"
#include "replay/client/rpc_control.h"

namespace pmoe {

class RpcRolloutSource {
 public:
  explicit RpcRolloutSource(const RpcReplayOptions& options);

  // Where the shard is, first and whenever it moves. After its table was made.
  void SetAddress(const RpcAddress& address);

  // ReplayClient::OnPublish: every later request says so.
  void OnPublish(uint64_t version) { newest_version_ = std::max(newest_version_, version); }

  // The next rollout, owned by the source and valid until the call after; the call may be repeated,
  // with the same request or with another one. A shard that is away is waited for, as
  // DeadlineExceededError. FailedPreconditionError (another learner or run has the shard, or it is
  // not on-policy), InvalidArgumentError and DataLossError (damaged replies) are final.
  absl::StatusOr<Rollout*> Take(const RolloutRequest& request, std::chrono::milliseconds timeout);

 private:
  // One call.
  absl::Status Ask(const RolloutRequest& request, std::chrono::milliseconds timeout);
  // Is the call worth another one?
  bool MayAskAgain(const absl::Status& status);

  const TableSpec spec_;
  const LearnerId learner_;
  const std::string table_;
  const RpcSecurity security_;
  std::string name_ = "replay 0";
  std::unique_ptr<ReplayService::Stub> stub_;
  Backoff backoff_;
  uint64_t id_ = 1;                     // of the rollout wanted
  uint64_t newest_version_ = 0;         // published
  int64_t rows_max_ = 0;                // asked for under this id
  int damaged_ = 0;                     // replies under this id
  std::chrono::milliseconds transfer_;  // that the pieces may take
  Rollout rollout_;
};

}  // namespace pmoe
