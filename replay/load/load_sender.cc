#include "replay/load/load_sender.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "replay/wire/chunk_codec.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

constexpr size_t kMessageRows = 4096;  // of a message, or fewer:
constexpr size_t kMessageBytes = size_t{1} << 20;

size_t RowBytes(const TableSpec& spec) {
  return static_cast<size_t>(spec.obs_dim + spec.action_dim + spec.extra_dim + 3) * 4;
}

}  // namespace

LoadSender::LoadSender(const TableSpec& spec, LoadHello hello, const RpcAddress& shard,
                       const RpcSecurity& security, std::optional<std::chrono::milliseconds> limit)
    : row_bytes_(RowBytes(spec)),
      stub_(ReplayService::NewStub(MakeChannel(shard, PeerRole::kReplay, security))),
      stream_(Begin(limit)),
      chunks_(spec, [this](const Chunk& chunk) { return Take(chunk); }) {
  *hello.mutable_columns() = ColumnsOf(spec);
  *request_.mutable_hello() = std::move(hello);
}

std::unique_ptr<grpc::ClientWriter<LoadRequest>> LoadSender::Begin(
    std::optional<std::chrono::milliseconds> limit) {
  if (limit.has_value()) SetDeadline(&context_, *limit);
  return stub_->Load(&context_, &reply_);
}

absl::Status LoadSender::Flush() {
  PMOE_RETURN_IF_ERROR(chunks_.Flush());
  return rows_ > 0 || rows_sent_ == 0 ? Send() : absl::OkStatus();
}

absl::StatusOr<LoadReply> LoadSender::Finish() {
  (void)stream_->WritesDone();
  PMOE_RETURN_IF_ERROR(FromGrpc(stream_->Finish()));
  return reply_;
}

absl::Status LoadSender::Take(const Chunk& chunk) {
  rows_ += chunk.rows;
  EncodeChunk(chunk, request_.add_chunks());
  return rows_ >= kMessageRows || rows_ * row_bytes_ >= kMessageBytes ? Send() : absl::OkStatus();
}

absl::Status LoadSender::Send() {
  if (!stream_->Write(request_)) return absl::CancelledError("the shard has ended the call");
  rows_sent_ += std::exchange(rows_, 0);
  request_.Clear();
  return absl::OkStatus();
}

}  // namespace pmoe
