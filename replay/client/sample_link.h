// The connection to one shard that minibatches come through: asks what the board wants, puts the
// replies where they belong, and comes back by itself when the shard or the connection was away.
// Thread-safe; owns two threads from the first address on. Borrows the board.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/rpc/address.h"
#include "common/rpc/backoff.h"
#include "common/rpc/security.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/sync_stream.h"
#include "proto/replay.pb.h"
#include "replay/client/received_batch.h"
#include "replay/client/sample_board.h"

namespace pmoe {

class SampleLink {
 public:
  SampleLink(int shard, LearnerId learner, uint64_t seed, const RpcSecurity& security,
             SampleBoard* board);
  ~SampleLink();

  // Where the shard is, now or from now on. Tries at once.
  void SetAddress(const RpcAddress& address) ABSL_LOCKS_EXCLUDED(mu_);
  // Asks the shard which side its limiter blocks.
  absl::StatusOr<std::string> LimiterText(std::chrono::milliseconds timeout)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Stream = grpc::ClientReaderWriter<SampleRequest, ReceivedBatch>;

  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  // One connection, from its beginning to why it ended. *answered: it brought a reply.
  absl::Status Serve(const std::shared_ptr<grpc::Channel>& channel, bool* answered)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Converse(Stream* stream, grpc::ClientContext* context, bool* answered);
  void WriteRequests(Stream* stream);
  // Waits before the next attempt, or until there is a new address.
  void Pause(std::chrono::milliseconds time) ABSL_LOCKS_EXCLUDED(mu_);
  // Null once closing.
  std::shared_ptr<grpc::Channel> Channel() ABSL_LOCKS_EXCLUDED(mu_);

  const int shard_;
  const LearnerId learner_;
  const RpcSecurity security_;
  SampleBoard* const board_;
  Backoff backoff_;  // of the thread

  Mutex mu_;
  CondVar changed_;
  std::string address_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mu_);
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mu_) = nullptr;  // of the current stream
  bool try_now_ ABSL_GUARDED_BY(mu_) = false;
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace pmoe
