// One writer's Insert call, from its hello to its end, on the call's own thread. Borrows
// everything; thread-compatible.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/sync_stream.h"
#include "proto/replay.grpc.pb.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

// Chunks that a writer may have sent without an acknowledgement.
inline constexpr uint32_t kInsertCredits = 32;

class InsertStream {
 public:
  using Stream = grpc::ServerReaderWriterInterface<InsertReply, InsertRequest>;

  struct Options {
    bool lockstep = false;
    std::function<bool()> gone;      // nobody reads what we would answer: give waits up
    std::function<bool()> draining;  // the shard leaves
    std::function<void()> on_bad_crc;
    // Is told of each hello and chunk that made no sense; an error ends the stream.
    std::function<absl::Status(const absl::Status& why)> on_nonsense;
    // Waits until what has entered, or was refused, may be acknowledged; null: at once.
    std::function<absl::Status()> await_ack = nullptr;
  };

  InsertStream(ReplayShard* shard, Options options, Stream* stream)
      : shard_(shard), options_(std::move(options)), stream_(stream) {}

  // Serves the call whose first message is `request`. AbortedError: reconnect and send again what
  // is not acknowledged. OutOfRangeError: a later life of the actor has taken its place.
  absl::Status Serve(InsertRequest request);

  // Its steps: the hello, then the chunks of each message, its own too. What they answer goes to
  // Stream::Write.
  absl::Status Begin(const InsertHello& hello);
  absl::Status Take(const InsertRequest& request);

 private:
  absl::Status ServeAll(InsertRequest request);
  // Enters the request's chunks, as far as the shard takes them.
  absl::Status Enter(const InsertRequest& request);
  absl::Status EnterChunk(const ChunkMessage& message);
  absl::StatusOr<Chunk> Decode(const ChunkMessage& message);
  // Drops the chunk, so that what came of it can go on. In lockstep nothing may be missing: then it
  // ends the stream.
  absl::Status Refuse(const ChunkMessage& message, const absl::Status& why);
  absl::Status Acknowledge();

  ReplayShard* const shard_;
  const Options options_;
  Stream* const stream_;
  InsertHello hello_;
  uint64_t next_seq_ = 0;
  InsertReply refused_;    // its part about what was refused since the last one
  bool refusing_ = false;  // draining came in the way: nothing more enters, nothing is acknowledged
};

}  // namespace pmoe
