// The connection to one shard that minibatches come through: asks what the board wants, puts the
// replies where they belong, and comes back by itself when the shard or the connection was away.
// Thread-safe; owns a thread, and a second one while a stream is open. Borrows the board.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/address.h"
#include "common/rpc/reconnecting_stream.h"
#include "common/rpc/security.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/sync_stream.h"
#include "proto/replay.pb.h"
#include "replay/client/received_batch.h"
#include "replay/client/rpc_control.h"
#include "replay/client/sample_board.h"

namespace pmoe {

class SampleLink {
 public:
  SampleLink(int shard, const RpcReplayOptions& options, SampleBoard* board);

  // Where the shard is, now or from now on. Tries at once.
  void SetAddress(const RpcAddress& address);
  // Asks the shard which side its limiter blocks.
  absl::StatusOr<std::string> LimiterText(std::chrono::milliseconds timeout);

 private:
  using Stream = grpc::ClientReaderWriter<SampleRequest, ReceivedBatch>;

  absl::Status Serve(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context);
  absl::Status ReadReplies(Stream* stream);
  void WriteRequests(Stream* stream);
  NextStream OnEnd(const absl::Status& ended);

  const int shard_;
  const LearnerId learner_;
  const std::string table_;  // of the shard; empty: the run's own
  const uint32_t sequence_rows_;
  SampleBoard* const board_;
  bool answered_ = false;      // the stream's thread's: it brought a reply
  ReconnectingStream stream_;  // last: its thread uses what stands above
};

}  // namespace pmoe
