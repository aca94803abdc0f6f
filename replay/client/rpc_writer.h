// The TransitionWriter of an actor in a process of its own: chunks go over the Insert stream and
// are kept until the shard has acknowledged them; a lost connection is made again and what is
// missing sent again, so that every chunk enters once while the shard lives. Write, EndRound,
// Flush, SaveState, LoadState and Close: the actor's thread; the rest: any. Owns one thread, and a
// second one while a stream is open. Connects when there is something to send.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/stopwatch.h"
#include "common/metrics/latency_histogram.h"
#include "common/rpc/address.h"
#include "common/rpc/reconnecting_stream.h"
#include "common/rpc/security.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "proto/replay.grpc.pb.h"
#include "replay/client/audit_log.h"
#include "replay/client/chunk_builder.h"
#include "replay/client/insert_window.h"
#include "replay/client/transition_writer.h"
#include "replay/client/window_size.h"
#include "replay/core/blocked_time.h"

namespace pmoe {

struct RpcWriterOptions {
  ChunkBuilderOptions chunks{};
  std::string run_id;
  std::string seat_signature;  // as Join gave it
  RpcSecurity security{};
  TableSpec spec{};
  std::string table{};  // of the shard; empty: the run's own
  bool lockstep = false;
  size_t chunks_max = 64;   // kept without an acknowledgement; then Write waits
  bool keep_fresh = false;  // fewer than that where they grow old (window_size.h); not in lockstep
  std::string audit_path;   // empty: none
  OnWait on_wait{};
  // From a chunk's place in the window to its acknowledgement; outlives the writer. Null: nobody
  // asks.
  LatencyHistogram* insert_ack = nullptr;
};

struct RpcWriterStats {
  size_t unacked_chunks = 0;
  uint64_t rows_acked = 0;
  uint64_t chunks_refused = 0;  // by the shard, because they made no sense
  uint64_t reconnects = 0;
  double blocked_s = 0.0;  // that Write waited for room, the wait of now included
};

class RpcTransitionWriter : public TransitionWriter {
 public:
  static absl::StatusOr<std::unique_ptr<RpcTransitionWriter>> Create(
      const RpcWriterOptions& options, const RpcAddress& address);
  ~RpcTransitionWriter() override;

  // Errors beside ChunkBuilder's: what another attempt cannot mend (other columns, another run), as
  // the shard put it; OutOfRangeError: a later life of this actor has taken its place, join anew;
  // DeadlineExceededError: no room for 10 min.
  // A step that had to wait for room is kept whatever ends the wait: Close sends it.
  absl::Status Write(uint32_t env, const Transition& transition) override;
  absl::Status EndRound(uint64_t round) override;
  absl::Status Flush() override;
  void SaveState(ByteWriter* out) const override;
  absl::Status LoadState(ByteReader* in) override;
  bool AbandonEpisode(uint32_t env) override { return chunks_.AbandonEpisode(env); }

  // Async: sends what is buffered. Waits for acknowledgements, ends the stream and the threads.
  // DeadlineExceededError says how many chunks were left. Also after Cancel; the last call.
  absl::Status Close(std::chrono::milliseconds timeout) ABSL_LOCKS_EXCLUDED(mu_);

  // EndRound too is then CancelledError.
  void Cancel() override ABSL_LOCKS_EXCLUDED(mu_);
  // The learner has assigned another place: the stream moves there, at once.
  void SetAddress(const RpcAddress& address) ABSL_LOCKS_EXCLUDED(mu_);
  RpcWriterStats stats() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Its requests are InsertRequests, serialised.
  using Stream = grpc::ClientReaderWriter<grpc::ByteBuffer, InsertReply>;

  RpcTransitionWriter(const RpcWriterOptions& options, const RpcAddress& address,
                      std::unique_ptr<AuditLog> audit);
  // Why no more may be written; OK if it may.
  absl::Status Ended() const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Push(Chunk chunk) ABSL_LOCKS_EXCLUDED(mu_);
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return window_.held() < window_size_.chunks();
  }
  absl::Status AwaitRoom() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AwaitAcks(Clock::Time deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AwaitWork() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Serve(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context)
      ABSL_LOCKS_EXCLUDED(mu_);
  NextStream OnEnd(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  grpc::ByteBuffer Hello() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status ReadReplies(Stream* stream) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status OnReply(const InsertReply& reply) ABSL_LOCKS_EXCLUDED(mu_);
  void SayRefused(const InsertReply& reply);
  bool NextRequest(grpc::ByteBuffer* request) ABSL_LOCKS_EXCLUDED(mu_);

  const RpcWriterOptions options_;
  ChunkBuilder chunks_;    // the actor's thread's
  Stopwatch since_flush_;  // the actor's thread's
  InsertRequest encoded_;  // the actor's thread's: the last chunk; its memory serves the next
  Clock::Time say_refused_at_{};  // the stream's thread's: not before

  // Taken before the stream's own lock, never the other way round.
  mutable Mutex mu_;
  CondVar changed_;
  InsertWindow window_ ABSL_GUARDED_BY(mu_);
  WindowSize window_size_ ABSL_GUARDED_BY(mu_);
  std::deque<Clock::Time> pushed_ ABSL_GUARDED_BY(mu_);  // when, of what the window holds
  Clock::Time acked_at_ ABSL_GUARDED_BY(mu_){};          // the last time that a chunk was
  std::unique_ptr<AuditLog> audit_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  uint64_t acked_before_ ABSL_GUARDED_BY(mu_) = 0;  // the stream that is open
  bool stream_over_ ABSL_GUARDED_BY(mu_) = false;   // no more replies will come
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t reconnects_ ABSL_GUARDED_BY(mu_) = 0;
  BlockedTime blocked_ ABSL_GUARDED_BY(mu_);
  ReconnectingStream stream_;  // last: its thread uses what stands above
};

}  // namespace pmoe
