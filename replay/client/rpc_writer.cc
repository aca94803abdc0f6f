#include "replay/client/rpc_writer.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"
#include "common/rpc/rpc_status.h"
#include "replay/wire/chunk_codec.h"

namespace pmoe {
namespace {

// A shard that gives no room for so long has lost its learner, or we have lost it.
constexpr std::chrono::seconds kRoomTimeout(600);
constexpr size_t kRequestBytesMax = 1 << 20;  // of a request of several chunks
constexpr size_t kRefusalMax = 512;           // characters of the shard's reason
constexpr std::chrono::seconds kSayEvery(10);
constexpr double kFlush_s = 1.0;  // async: a row waits no longer than this for more of its chunk

// Writes into the new slice, as gRPC does for a message.
grpc::Slice Serialise(const InsertRequest& request) {
  const size_t bytes = request.ByteSizeLong();
  grpc::Slice slice(bytes);
  request.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return slice;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RpcTransitionWriter>> RpcTransitionWriter::Create(
    const RpcWriterOptions& options, const RpcAddress& address) {
  PMOE_RETURN_IF_ERROR(options.chunks.Validate());
  std::unique_ptr<AuditLog> audit;
  if (!options.audit_path.empty()) {
    PMOE_ASSIGN_OR_RETURN(audit, AuditLog::Create(options.audit_path));
  }
  return std::unique_ptr<RpcTransitionWriter>(
      new RpcTransitionWriter(options, address, std::move(audit)));
}

RpcTransitionWriter::RpcTransitionWriter(const RpcWriterOptions& options, const RpcAddress& address,
                                         std::unique_ptr<AuditLog> audit)
    : options_(options),
      chunks_(options.chunks, options.spec, [this](Chunk chunk) { return Push(std::move(chunk)); }),
      window_size_(options.chunks_max, options.keep_fresh),
      audit_(std::move(audit)),
      stream_(PeerRole::kReplay, options.security,
              Rng(options.chunks.epoch, RngRole::kBackoff, options.chunks.actor),
              {.prepare = std::bind_front(&RpcTransitionWriter::AwaitWork, this),
               .serve = std::bind_front(&RpcTransitionWriter::Serve, this),
               .ended = std::bind_front(&RpcTransitionWriter::OnEnd, this)}) {
  stream_.SetAddress(address);
  stream_.Start();
}

RpcTransitionWriter::~RpcTransitionWriter() {
  MutexLock lock(&mu_);
  stopped_ = true;
  changed_.NotifyAll();
}

absl::Status RpcTransitionWriter::Ended() const {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(failure_);
  return cancelled_ && !closing_ ? absl::CancelledError("this actor shall end") : absl::OkStatus();
}

absl::Status RpcTransitionWriter::Write(uint32_t env, const Transition& transition) {
  PMOE_RETURN_IF_ERROR(Ended());
  PMOE_RETURN_IF_ERROR(chunks_.Add(env, transition));
  // Twice as often, for FlushStale sends at its second call.
  if (options_.lockstep || since_flush_.Elapsed() < kFlush_s / 2) return absl::OkStatus();
  since_flush_.Lap();
  return chunks_.FlushStale();
}

absl::Status RpcTransitionWriter::EndRound(uint64_t round) {
  PMOE_RETURN_IF_ERROR(Ended());
  return chunks_.EndRound(round);
}

absl::Status RpcTransitionWriter::Flush() {
  PMOE_RETURN_IF_ERROR(Ended());
  return chunks_.Flush();
}

void RpcTransitionWriter::SaveState(ByteWriter* out) const { chunks_.SaveState(out); }

absl::Status RpcTransitionWriter::LoadState(ByteReader* in) {
  PMOE_RETURN_IF_ERROR(chunks_.LoadState(in));
  MutexLock lock(&mu_);
  window_.StartAt(chunks_.next_seq());
  return absl::OkStatus();
}

// The sink of the chunk builder. A chunk has its number once it comes here, so it must not get lost
// between two others: the window takes it even when the wait for room was given up.
absl::Status RpcTransitionWriter::Push(Chunk chunk) {
  encoded_.Clear();
  EncodeChunk(chunk, encoded_.add_chunks());
  EncodedChunk encoded{chunk.seq, chunk.rows, Serialise(encoded_)};
  MutexLock lock(&mu_);
  absl::Status room = AwaitRoom();
  PMOE_RETURN_IF_ERROR(failure_);
  if (audit_ != nullptr) audit_->OnChunk(options_.spec, chunk);
  window_.Push(std::move(encoded));
  pushed_.push_back(Clock::Real()->Now());
  changed_.NotifyAll();
  return room;
}

absl::Status RpcTransitionWriter::AwaitRoom() {
  if (HasRoom()) return absl::OkStatus();
  const Clock::Time began = Clock::Real()->Now();
  blocked_.Begin(began);
  if (options_.on_wait) options_.on_wait(true);
  // Close may go beyond the bound by what is buffered. A window that has just shrunk gives room
  // only after many acknowledgements, so the time counts from the last one.
  while (failure_.ok() && !cancelled_ && !closing_ && !HasRoom() &&
         changed_.WaitUntil(&mu_, std::max(began, acked_at_) + kRoomTimeout)) {
  }
  if (options_.on_wait) options_.on_wait(false);
  blocked_.End(began, Clock::Real()->Now());
  if (HasRoom() || closing_) return absl::OkStatus();
  if (cancelled_) return absl::CancelledError("this actor shall end");
  return absl::DeadlineExceededError(absl::StrCat(
      "replay at ", stream_.address(), " has given no room for ", kRoomTimeout.count(), " s; ",
      window_.held(), " chunks wait for an acknowledgement (pmoe status says who is blocked)"));
}

absl::Status RpcTransitionWriter::Close(std::chrono::milliseconds timeout) {
  const Clock::Time deadline = Clock::Real()->Now() + timeout;
  {
    MutexLock lock(&mu_);
    closing_ = true;
  }
  // In lockstep half a round is of no use to anybody.
  absl::Status status = options_.lockstep ? absl::OkStatus() : chunks_.Flush();
  {
    MutexLock lock(&mu_);
    if (status.ok()) status = AwaitAcks(deadline);
    stopped_ = true;
    changed_.NotifyAll();
  }
  // The shard sees an end rather than a loss, if it answers in time.
  stream_.Stop(status.ok() ? deadline : Clock::Time::min());
  return status;
}

absl::Status RpcTransitionWriter::AwaitAcks(Clock::Time deadline) {
  const Clock::Time began = Clock::Real()->Now();
  while (failure_.ok() && window_.held() > 0 && changed_.WaitUntil(&mu_, deadline)) {
  }
  PMOE_RETURN_IF_ERROR(failure_);
  if (window_.held() == 0) return absl::OkStatus();
  const auto waited = std::chrono::ceil<std::chrono::milliseconds>(deadline - began);
  return absl::DeadlineExceededError(
      absl::StrCat(window_.held(), " chunks were not acknowledged by replay at ", stream_.address(),
                   " within ", waited.count(), " ms and are lost"));
}

void RpcTransitionWriter::Cancel() {
  MutexLock lock(&mu_);
  cancelled_ = true;
  changed_.NotifyAll();
}

void RpcTransitionWriter::SetAddress(const RpcAddress& address) { stream_.SetAddress(address); }

RpcWriterStats RpcTransitionWriter::stats() const {
  MutexLock lock(&mu_);
  return {window_.held(), window_.rows_acked(), window_.chunks_refused(), reconnects_,
          blocked_.Total_s(Clock::Real()->Now())};
}

// A stream is opened when there is something to send, and not before.
absl::Status RpcTransitionWriter::AwaitWork() {
  MutexLock lock(&mu_);
  while (!stopped_ && window_.held() == 0) changed_.Wait(&mu_);
  return stopped_ ? absl::CancelledError("nothing more to send") : absl::OkStatus();
}

absl::Status RpcTransitionWriter::Serve(const std::shared_ptr<grpc::Channel>& channel,
                                        grpc::ClientContext* context) {
  static const grpc::internal::RpcMethod method("/pmoe.ReplayService/Insert",
                                                grpc::internal::RpcMethod::BIDI_STREAMING);
  grpc::ByteBuffer request = Hello();
  const std::unique_ptr<Stream> stream(
      grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, InsertReply>::Create(
          channel.get(), method, context));
  return Converse<Stream>(
      stream.get(), context,
      [&](Stream* out) {
        while (out->Write(request) && NextRequest(&request)) {
        }
      },
      [this](Stream* in) { return ReadReplies(in); },
      [this] {
        MutexLock lock(&mu_);
        stream_over_ = true;
        changed_.NotifyAll();
      });
}

grpc::ByteBuffer RpcTransitionWriter::Hello() {
  InsertRequest request;
  InsertHello* hello = request.mutable_hello();
  hello->set_run_id(options_.run_id);
  hello->set_member(options_.chunks.member);
  hello->set_actor(options_.chunks.actor);
  hello->set_epoch(options_.chunks.epoch);
  hello->set_seat_signature(options_.seat_signature);
  hello->set_table(options_.table);
  MutexLock lock(&mu_);
  stream_over_ = false;
  window_.OnConnect();
  acked_before_ = window_.first_seq_held();
  hello->set_first_seq_held(acked_before_);
  hello->set_rows_acked(window_.rows_acked());
  const grpc::Slice slice = Serialise(request);
  return grpc::ByteBuffer(&slice, 1);
}

NextStream RpcTransitionWriter::OnEnd(const absl::Status& status) {
  MutexLock lock(&mu_);
  if (stopped_) return NextStream::kNone;
  if (!status.ok() && !IsTransient(status)) {
    failure_ = status;
    changed_.NotifyAll();
    return NextStream::kNone;
  }
  ++reconnects_;
  // Keep backing off from a shard that accepts a stream and then fails.
  return window_.first_seq_held() > acked_before_ ? NextStream::kSoon : NextStream::kLater;
}

absl::Status RpcTransitionWriter::ReadReplies(Stream* stream) {
  for (InsertReply reply; stream->Read(&reply);) {
    if (reply.refused_size() > 0) SayRefused(reply);
    PMOE_RETURN_IF_ERROR(OnReply(reply));
  }
  return absl::OkStatus();
}

absl::Status RpcTransitionWriter::OnReply(const InsertReply& reply) {
  const Clock::Time now = Clock::Real()->Now();
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(window_.OnReply(reply));
  if (audit_ != nullptr) audit_->OnAcked(reply.next_seq());
  const bool full = pushed_.size() >= window_size_.chunks();
  if (pushed_.size() > window_.held()) acked_at_ = now;
  for (; pushed_.size() > window_.held(); pushed_.pop_front()) {
    const Clock::Duration waited = now - pushed_.front();
    window_size_.OnAck(waited, full);
    if (options_.insert_ack == nullptr) continue;
    options_.insert_ack->Add(std::chrono::duration<double>(waited).count());
  }
  changed_.NotifyAll();
  return absl::OkStatus();
}

void RpcTransitionWriter::SayRefused(const InsertReply& reply) {
  const Clock::Time now = Clock::Real()->Now();
  if (now < say_refused_at_) return;
  say_refused_at_ = now + kSayEvery;
  Log(LogLevel::kWarning, "replay does not take some of this actor's chunks: ",
      PrintableText(reply.refusal(), kRefusalMax));
}

// Waits for chunks that may be sent and takes as many as fit a request; false: end the stream.
bool RpcTransitionWriter::NextRequest(grpc::ByteBuffer* request) {
  std::vector<grpc::Slice> chunks;
  MutexLock lock(&mu_);
  while (!stopped_ && !stream_over_ && !window_.draining() && !window_.can_send()) {
    changed_.Wait(&mu_);
  }
  if (stopped_ || stream_over_ || window_.draining()) return false;
  for (size_t bytes = 0; window_.can_send() && bytes < kRequestBytesMax;) {
    chunks.push_back(window_.TakeNext().request);
    bytes += chunks.back().size();
  }
  grpc::ByteBuffer(chunks.data(), chunks.size()).Swap(request);
  return true;
}

}  // namespace pmoe
