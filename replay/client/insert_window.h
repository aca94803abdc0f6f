// A writer's half of the Insert protocol, without threads or transport: the chunks that are not
// acknowledged yet, what may be sent now, and where to go on after a reconnect. Every chunk is kept
// until the shard has said that it is in. Thread-compatible.
#pragma once

#include <cstdint>
#include <deque>

#include "absl/status/status.h"
#include "grpcpp/support/slice.h"
#include "proto/replay.pb.h"

namespace pmoe {

// A chunk as it goes over the connection, each time it is sent.
struct EncodedChunk {
  uint64_t seq = 0;
  uint32_t rows = 0;
  // An InsertRequest of this chunk alone. Such bytes one after the other are a request of all their
  // chunks, and gRPC shares a slice where others would copy it.
  grpc::Slice request{};
};

// Its caller bounds it: held() against a WindowSize.
class InsertWindow {
 public:
  size_t held() const { return held_.size(); }
  // Oldest chunk that can still be sent; the next one to be pushed if there is none.
  uint64_t first_seq_held() const { return next_seq_ - held_.size(); }
  uint64_t next_seq() const { return next_seq_; }
  uint64_t rows_acked() const { return rows_acked_; }  // that are in
  uint64_t chunks_refused() const { return chunks_refused_; }

  // The numbering goes on from a checkpoint. Before the first Push.
  void StartAt(uint64_t seq) { next_seq_ = acked_ = sent_ = seq; }
  // The chunk with seq next_seq().
  void Push(EncodedChunk chunk);

  // A new stream: nothing is sent before its first reply says where to go on.
  void OnConnect();
  // FailedPreconditionError: the shard waits for chunks that this writer never made or no longer
  // has, or acknowledges what was not sent: they are not of one history.
  absl::Status OnReply(const InsertReply& reply);

  // The shard leaves: end the stream, keep what is not acknowledged, come back later.
  bool draining() const { return draining_; }
  bool can_send() const;
  // The next chunk to send on this stream, which counts as sent. Valid until the next OnReply.
  const EncodedChunk& TakeNext();

 private:
  std::deque<EncodedChunk> held_;  // seqs next_seq_ - size … next_seq_ - 1
  uint64_t next_seq_ = 0;          // of the next Push
  uint64_t acked_ = 0;             // every chunk before it is in
  uint64_t sent_ = 0;              // next to send on this stream
  uint64_t rows_acked_ = 0;
  uint64_t chunks_refused_ = 0;
  uint32_t credits_ = 0;  // chunks that may be sent and not acknowledged
  bool resumed_ = false;  // the stream's first reply has come
  bool draining_ = false;
};

}  // namespace pmoe
