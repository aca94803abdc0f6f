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

SampleLink::SampleLink(int shard, const RpcReplayOptions& options, SampleBoard* board)
    : shard_(shard),
      learner_(options.learner),
      table_(options.table.table()),
      sequence_rows_(static_cast<uint32_t>(options.sequence_rows)),
      board_(board),
      stream_(PeerRole::kReplay, options.security,
              Rng(options.table.seed(), RngRole::kBackoff,
                  kSampleBackoffStream + static_cast<uint32_t>(shard)),
              {.prepare = nullptr,
               .serve = std::bind_front(&SampleLink::Serve, this),
               .ended = std::bind_front(&SampleLink::OnEnd, this)}) {
  stream_.Start();
}

void SampleLink::SetAddress(const RpcAddress& address) {
  board_->SetName(shard_, absl::StrCat("replay ", shard_, " at ", address.Text()));
  stream_.SetAddress(address);
}

absl::StatusOr<std::string> SampleLink::LimiterText(milliseconds timeout) {
  const std::shared_ptr<grpc::Channel> channel = stream_.channel();
  if (channel == nullptr) return absl::UnavailableError("no address yet");
  grpc::ClientContext context;
  SetDeadline(&context, timeout);
  GetStatsRequest request;
  request.set_table(table_);
  TableStats stats;
  PMOE_RETURN_IF_ERROR(
      FromGrpc(ReplayService::NewStub(channel)->GetStats(&context, request, &stats)));
  return stats.limiter();
}

absl::Status SampleLink::Serve(const std::shared_ptr<grpc::Channel>& channel,
                               grpc::ClientContext* context) {
  static const grpc::internal::RpcMethod method("/pmoe.ReplayService/Sample",
                                                grpc::internal::RpcMethod::BIDI_STREAMING);
  const std::unique_ptr<Stream> stream(
      grpc::internal::ClientReaderWriterFactory<SampleRequest, ReceivedBatch>::Create(
          channel.get(), method, context));
  answered_ = false;
  board_->OnConnect(shard_);
  return Converse<Stream>(
      stream.get(), context, [this](Stream* out) { WriteRequests(out); },
      [this](Stream* in) { return ReadReplies(in); }, [this] { board_->EndRequests(shard_); });
}

// A damaged message ends our reading, not the call; a call that has ended keeps its own status.
absl::Status SampleLink::ReadReplies(Stream* stream) {
  ReceivedBatch batch;
  batch.slot = [this] { return board_->NextSlot(shard_); };
  while (stream->Read(&batch)) {
    answered_ = true;
    board_->OnReply(shard_, batch.counts);
  }
  return batch.status;
}

NextStream SampleLink::OnEnd(const absl::Status& ended) {
  const absl::Status status = ended.ok() ? absl::UnavailableError("it ended the call") : ended;
  board_->OnLost(shard_, status);
  if (!IsTransient(status) && !absl::IsUnknown(status)) {
    board_->Fail(status);
    return NextStream::kNone;
  }
  return answered_ ? NextStream::kSoon : NextStream::kLater;
}

void SampleLink::WriteRequests(Stream* stream) {
  SampleRequest message;
  *message.mutable_learner() = learner_;
  message.set_table(table_);
  while (const std::optional<SampleBoard::Request> request = board_->AwaitRequest(shard_)) {
    message.set_rows(request->rows);
    message.set_insert_bound(request->insert_bound);
    message.set_newest_version(request->newest_version);
    message.set_sequence_rows(sequence_rows_);
    if (!stream->Write(message)) return;
    message.clear_learner();
    message.clear_table();
  }
}

}  // namespace pmoe
