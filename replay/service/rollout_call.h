// One learner's TakeRollout call: waits for the rollout and writes it piece by piece, on the call's
// own thread. Borrows everything.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "grpcpp/support/sync_stream.h"
#include "proto/replay.grpc.pb.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

// `ended` says why the call must be given up; OK: go on. Asked ten times a second while it waits.
// await_ack (null: no wait): until the take is as durable as an acknowledgement. A learner that
// goes before the last piece asks for the same rollout again.
absl::Status ServeTakeRollout(ReplayShard* shard, const TakeRolloutRequest& request,
                              const std::function<absl::Status()>& ended,
                              const std::function<absl::Status()>& await_ack,
                              grpc::ServerWriter<TakeRolloutReply>* stream);

}  // namespace pmoe
