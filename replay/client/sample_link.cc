#include "replay/client/sample_link.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "proto/replay.grpc.pb.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr uint32_t kSampleBackoffStream = 1'000'000;  // far from the indices of actors

}  // namespace

absl::Status DecodeInto(grpc::ByteBuffer* bytes, ReceivedBatch* batch) {
  PMOE_ASSIGN_OR_RETURN(const BatchSlot slot, batch->slot());
  grpc::ProtoBufferReader reader(bytes);
  if (!reader.status().ok()) return absl::DataLossError(reader.status().error_message());
  return DecodeSampleReply(&reader, slot, &batch->counts);
}

SampleLink::SampleLink(int shard, LearnerId learner, uint64_t seed, const RpcSecurity& security,
                       SampleBoard* board)
    : shard_(shard),
      learner_(std::move(learner)),
      security_(security),
      board_(board),
      backoff_(Rng(seed, RngRole::kBackoff, kSampleBackoffStream + static_cast<uint32_t>(shard))) {}

SampleLink::~SampleLink() {
  {
    MutexLock lock(&mu_);
    closing_ = true;
    if (context_ != nullptr) context_->TryCancel();
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void SampleLink::SetAddress(const RpcAddress& address) {
  const std::string text = address.Text();
  board_->SetName(shard_, absl::StrCat("replay ", shard_, " at ", text));
  MutexLock lock(&mu_);
  if (text != address_) {
    address_ = text;
    channel_ = MakeChannel(address, PeerRole::kReplay, security_);
    if (context_ != nullptr) context_->TryCancel();
  }
  try_now_ = true;
  changed_.NotifyAll();
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
}

absl::StatusOr<std::string> SampleLink::LimiterText(milliseconds timeout) {
  const std::shared_ptr<grpc::Channel> channel = Channel();
  if (channel == nullptr) return absl::UnavailableError("no address yet");
  grpc::ClientContext context;
  SetDeadline(&context, timeout);
  TableStats stats;
  PMOE_RETURN_IF_ERROR(
      FromGrpc(ReplayService::NewStub(channel)->GetStats(&context, GetStatsRequest(), &stats)));
  return stats.limiter();
}

std::shared_ptr<grpc::Channel> SampleLink::Channel() {
  MutexLock lock(&mu_);
  return closing_ ? nullptr : channel_;
}

void SampleLink::Loop() {
  while (const std::shared_ptr<grpc::Channel> channel = Channel()) {
    bool answered = false;
    absl::Status status = Serve(channel, &answered);
    if (status.ok()) status = absl::UnavailableError("it ended the call");
    board_->OnLost(shard_, status);
    if (!IsTransient(status) && !absl::IsUnknown(status)) return board_->Fail(status);
    if (answered) backoff_.Reset();
    Pause(backoff_.Next());
  }
}

void SampleLink::Pause(milliseconds time) {
  const Clock::Time deadline = Clock::Real()->Now() + time;
  MutexLock lock(&mu_);
  while (!closing_ && !std::exchange(try_now_, false) && changed_.WaitUntil(&mu_, deadline)) {
  }
}

absl::Status SampleLink::Serve(const std::shared_ptr<grpc::Channel>& channel, bool* answered) {
  static const grpc::internal::RpcMethod method("/pmoe.ReplayService/Sample",
                                                grpc::internal::RpcMethod::BIDI_STREAMING);
  grpc::ClientContext context;
  {
    MutexLock lock(&mu_);
    // A new address came between: it is tried at once.
    if (closing_ || channel != channel_) return absl::CancelledError("another address came");
    context_ = &context;
    try_now_ = false;
  }
  std::unique_ptr<Stream> stream(
      grpc::internal::ClientReaderWriterFactory<SampleRequest, ReceivedBatch>::Create(
          channel.get(), method, &context));
  const absl::Status status = Converse(stream.get(), &context, answered);
  MutexLock lock(&mu_);
  context_ = nullptr;
  return status;
}

absl::Status SampleLink::Converse(Stream* stream, grpc::ClientContext* context, bool* answered) {
  board_->OnConnect(shard_);
  std::thread writer([this, stream] { WriteRequests(stream); });
  ReceivedBatch batch;
  batch.slot = [this] { return board_->NextSlot(shard_); };
  while (stream->Read(&batch)) {
    *answered = true;
    board_->OnReply(shard_, batch.counts);
  }
  // A damaged message ends our reading, not the call; a call that has ended keeps its own status.
  if (!batch.status.ok()) context->TryCancel();
  board_->EndRequests(shard_);
  writer.join();
  const absl::Status ended = FromGrpc(stream->Finish());
  return batch.status.ok() ? ended : batch.status;
}

void SampleLink::WriteRequests(Stream* stream) {
  SampleRequest message;
  *message.mutable_learner() = learner_;
  while (const std::optional<SampleBoard::Request> request = board_->AwaitRequest(shard_)) {
    message.set_rows(request->rows);
    message.set_insert_bound(request->insert_bound);
    if (!stream->Write(message)) return;
    message.clear_learner();
  }
}

}  // namespace pmoe
