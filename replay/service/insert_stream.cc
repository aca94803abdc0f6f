#include "replay/service/insert_stream.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/status_macros.h"
#include "replay/wire/chunk_codec.h"

namespace pmoe {
namespace {

// The limiter may rightly hold an actor back for as long as the learner pleases; what ends the wait
// is that somebody goes.
constexpr std::chrono::hours kUntilThereIsRoom{24 * 365};

}  // namespace

absl::Status InsertStream::Serve(InsertRequest request) {
  const InsertHello hello = request.hello();
  const absl::Status status = ServeAll(std::move(request));
  const bool superseded = absl::IsFailedPrecondition(status) &&
                          shard_->IsSuperseded(hello.member(), hello.actor(), hello.epoch());
  // It is not wrong, but late: it gets another seat (MustJoinAnew).
  return superseded ? absl::OutOfRangeError(status.message()) : status;
}

absl::Status InsertStream::ServeAll(InsertRequest request) {
  PMOE_RETURN_IF_ERROR(Begin(request.hello()));
  do {
    PMOE_RETURN_IF_ERROR(Take(request));
    request.Clear();
  } while (stream_->Read(&request));
  return absl::OkStatus();
}

absl::Status InsertStream::Begin(const InsertHello& said) {
  hello_ = said;
  const WriterHello hello{hello_.member(), hello_.actor(), hello_.epoch(), hello_.first_seq_held(),
                          hello_.rows_acked()};
  const absl::StatusOr<uint64_t> next_seq =
      options_.lockstep ? shard_->ResumeStage(hello) : shard_->ResumeInsert(hello);
  if (absl::IsInvalidArgument(next_seq.status())) (void)options_.on_nonsense(next_seq.status());
  PMOE_ASSIGN_OR_RETURN(next_seq_, next_seq);
  return absl::OkStatus();
}

absl::Status InsertStream::Take(const InsertRequest& request) {
  const absl::Status entered = Enter(request);
  if (entered.ok()) return Acknowledge();
  if (refused_.refused_size() > 0) (void)Acknowledge();
  return entered;
}

absl::Status InsertStream::Enter(const InsertRequest& request) {
  for (const ChunkMessage& message : request.chunks()) {
    if (refusing_) return absl::OkStatus();
    const absl::Status status = EnterChunk(message);
    if (absl::IsCancelled(status) && options_.draining()) {
      refusing_ = true;
    } else {
      PMOE_RETURN_IF_ERROR(status);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Chunk> InsertStream::Decode(const ChunkMessage& message) {
  absl::StatusOr<Chunk> chunk = DecodeChunk(hello_, message);
  if (!absl::IsDataLoss(chunk.status())) return chunk;
  options_.on_bad_crc();
  return absl::AbortedError(chunk.status().message());
}

absl::Status InsertStream::EnterChunk(const ChunkMessage& message) {
  absl::StatusOr<Chunk> chunk = Decode(message);
  absl::Status status = chunk.status();
  if (status.ok()) {
    const WaitLimit limit(kUntilThereIsRoom,
                          [this] { return options_.gone() || options_.draining(); });
    status = options_.lockstep ? shard_->Stage(*std::move(chunk)) : shard_->Insert(*chunk, limit);
  }
  if (absl::IsInvalidArgument(status)) status = Refuse(message, status);
  if (!status.ok() && !absl::IsAlreadyExists(status)) return status;
  next_seq_ = std::max(next_seq_, message.seq() + 1);
  return absl::OkStatus();
}

absl::Status InsertStream::Refuse(const ChunkMessage& message, const absl::Status& why) {
  if (options_.lockstep) {
    (void)options_.on_nonsense(why);
    return why;
  }
  PMOE_RETURN_IF_ERROR(shard_->Refuse({.member = hello_.member(),
                                       .actor = hello_.actor(),
                                       .epoch = hello_.epoch(),
                                       .seq = message.seq(),
                                       .rows = message.rows()}));
  next_seq_ = std::max(next_seq_, message.seq() + 1);
  refused_.add_refused(message.seq());
  refused_.set_refusal(std::string(why.message()));
  return options_.on_nonsense(why);
}

// A Write that fails ends the Reads too.
absl::Status InsertStream::Acknowledge() {
  if (options_.await_ack != nullptr && !options_.await_ack().ok()) {
    return absl::UnavailableError("the shard leaves before the rows are on disk; send them again");
  }
  InsertReply reply = std::exchange(refused_, InsertReply());
  reply.set_next_seq(next_seq_);
  reply.set_credits(kInsertCredits);
  reply.set_draining(options_.draining());
  (void)stream_->Write(reply);
  return absl::OkStatus();
}

}  // namespace pmoe
