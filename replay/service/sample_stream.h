// One learner's Sample call: minibatches in the order asked for, on the call's own thread. Requests
// that are in flight wait in the connection. Borrows everything; thread-compatible.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "grpcpp/support/sync_stream.h"
#include "proto/replay.grpc.pb.h"
#include "replay/core/minibatch.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

class SampleStream {
 public:
  using Stream = grpc::ServerReaderWriter<SampleReply, SampleRequest>;

  // `ended` says why a wait must be given up; OK: go on. Asked ten times a second.
  SampleStream(ReplayShard* shard, std::function<absl::Status()> ended, Stream* stream)
      : shard_(shard), ended_(std::move(ended)), stream_(stream) {}

  // Serves the call whose first message is `request`.
  absl::Status Serve(SampleRequest request);

 private:
  absl::Status Answer(const SampleRequest& request);
  absl::Status Draw(const BatchShape& shape, ShardCounts* counts);

  ReplayShard* const shard_;
  const std::function<absl::Status()> ended_;
  Stream* const stream_;
  SampleReply reply_;  // its memory serves the next
};

}  // namespace pmoe
