// One Load call: rows of an admin's file, from its hello to its end, on the call's own thread.
// Borrows everything; thread-compatible.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "grpcpp/support/sync_stream.h"
#include "proto/replay.grpc.pb.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

class LoadCall {
 public:
  using Stream = grpc::ServerReaderInterface<LoadRequest>;

  struct Options {
    std::function<absl::Status()> ended;  // why the call must be given up; OK: go on
    // Waits until what has entered may be acknowledged; null: at once.
    std::function<absl::Status()> await_ack = nullptr;
  };

  LoadCall(ReplayShard* shard, Options options, Stream* stream)
      : shard_(shard), options_(std::move(options)), stream_(stream) {}

  // Serves the call whose first message is `request`. What has entered before an error stays, and
  // the error's text says how much that is. Nonsense: a chunk that cannot be; the call ends there.
  absl::Status Serve(LoadRequest request);
  int64_t rows() const { return rows_; }

 private:
  absl::Status ServeAll(LoadRequest* request);
  absl::Status CheckColumns(const LoadHello& hello) const;
  absl::Status Enter(const ChunkMessage& message);
  void EndStream();

  ReplayShard* const shard_;
  const Options options_;
  Stream* const stream_;
  uint64_t next_seq_ = 0;
  uint64_t next_step_ = 0;
  int64_t rows_ = 0;
};

}  // namespace pmoe
