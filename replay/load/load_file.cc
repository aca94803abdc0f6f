#include "replay/load/load_file.h"

#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/log.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "common/rpc/channel.h"
#include "common/rpc/rpc_status.h"
#include "proto/replay.grpc.pb.h"
#include "replay/client/chunk_builder.h"
#include "replay/core/stream_book.h"
#include "replay/wire/chunk_codec.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

constexpr double kSayEvery_s = 2.0;
constexpr size_t kMessageRows = 4096;  // of a message, or fewer:
constexpr size_t kMessageBytes = size_t{1} << 20;
constexpr size_t kTextMax = 512;  // of the shard's, for people

// Says now and then how far it is.
class Progress {
 public:
  Progress(absl::string_view verb, uint64_t total) : verb_(verb), total_(total) {}
  void OnRow(uint64_t index) {
    constexpr uint64_t kLookEvery = 1024;
    if (index % kLookEvery != 0 || watch_.Elapsed() < kSayEvery_s) return;
    watch_.Lap();
    Log(LogLevel::kInfo, verb_, " ", index, " of ", total_, " rows");
  }

 private:
  const std::string verb_;
  const uint64_t total_;
  Stopwatch watch_;
};

absl::Status CheckInterrupt(const std::atomic<bool>& interrupted) {
  return interrupted ? absl::CancelledError("interrupted") : absl::OkStatus();
}

// The other end of LoadCall: cuts rows into chunks and sends them.
class LoadSender {
 public:
  LoadSender(const TableSpec& spec, ReplayService::Stub* stub) : spec_(spec) {
    row_bytes_ = static_cast<size_t>(spec.obs_dim + spec.action_dim + spec.extra_dim + 3) * 4;
    stream_ = stub->Load(&context_, &reply_);
    *request_.mutable_hello()->mutable_columns() = ColumnsOf(spec);
    builder_.emplace(Writer(), spec_, [this](Chunk chunk) { return Take(std::move(chunk)); });
  }

  // CancelledError: the call has ended; Finish says why.
  absl::Status Add(const SourceRow& row) {
    const Transition& step = row.transition;
    if (in_episode_ && !GoesOn(row)) PMOE_RETURN_IF_ERROR(EndStream());
    PMOE_RETURN_IF_ERROR(builder_->Add(/*env=*/0, step));
    in_episode_ = !step.terminated && !step.truncated;
    if (in_episode_) head_.assign(step.next_obs.begin(), step.next_obs.end());
    return absl::OkStatus();
  }
  absl::Status Flush() {
    PMOE_RETURN_IF_ERROR(builder_->Flush());
    return rows_ > 0 || rows_sent_ == 0 ? Send() : absl::OkStatus();
  }
  // What the shard says of the call.
  absl::StatusOr<LoadReply> Finish() {
    (void)stream_->WritesDone();
    PMOE_RETURN_IF_ERROR(FromGrpc(stream_->Finish()));
    return reply_;
  }
  uint64_t rows_sent() const { return rows_sent_; }

 private:
  static ChunkBuilderOptions Writer() { return {.actor = StreamBook::kLoader}; }

  // In an episode.
  bool GoesOn(const SourceRow& row) const {
    const absl::Span<const float> obs = row.transition.obs;
    return row.follows && std::memcmp(head_.data(), obs.data(), obs.size() * sizeof(float)) == 0;
  }
  // The last row's successor is not the next row: a step number is left out.
  absl::Status EndStream() {
    PMOE_RETURN_IF_ERROR(builder_->Flush());
    builder_.emplace(Writer(), spec_, [this](Chunk chunk) { return Take(std::move(chunk)); });
    ++next_step_;
    return absl::OkStatus();
  }
  absl::Status Take(Chunk chunk) {
    chunk.seq = next_seq_++;
    chunk.first_step = next_step_;
    next_step_ += chunk.rows;
    rows_ += chunk.rows;
    EncodeChunk(chunk, request_.add_chunks());
    return rows_ >= kMessageRows || rows_ * row_bytes_ >= kMessageBytes ? Send() : absl::OkStatus();
  }
  absl::Status Send() {
    if (!stream_->Write(request_)) return absl::CancelledError("the shard has ended the call");
    rows_sent_ += std::exchange(rows_, 0);
    request_.Clear();
    return absl::OkStatus();
  }

  const TableSpec spec_;
  size_t row_bytes_ = 0;
  grpc::ClientContext context_;
  LoadReply reply_;
  std::unique_ptr<grpc::ClientWriter<LoadRequest>> stream_;
  std::optional<ChunkBuilder> builder_;
  LoadRequest request_;  // to be sent; the hello is in the first one
  size_t rows_ = 0;      // in it
  uint64_t rows_sent_ = 0;
  uint64_t next_seq_ = 0;
  uint64_t next_step_ = 0;
  bool in_episode_ = false;
  std::vector<float> head_;  // [O] in an episode: the last row's successor
};

// Every row, before one is sent. Returns how many can be loaded.
absl::StatusOr<uint64_t> CheckRows(RowSource* source, const std::atomic<bool>& interrupted) {
  Progress progress("looked at", source->rows());
  uint64_t good = 0;
  const auto check = [&](const SourceRow& row) {
    progress.OnRow(row.index);
    PMOE_RETURN_IF_ERROR(CheckInterrupt(interrupted));
    ++good;
    return CheckRow(row);
  };
  PMOE_RETURN_IF_ERROR(source->Visit(check).status());
  if (good > 0) return good;
  return absl::InvalidArgumentError("it has no row that can be loaded");
}

// What the shard answers when all was sent, or when `interrupted`.
absl::StatusOr<LoadReply> SendRows(RowSource* source, LoadSender* sender,
                                   const std::atomic<bool>& interrupted) {
  Progress progress("sent", source->rows());
  const auto send = [&](const SourceRow& row) {
    progress.OnRow(row.index);
    PMOE_RETURN_IF_ERROR(CheckInterrupt(interrupted));
    return sender->Add(row);
  };
  absl::Status sent = source->Visit(send).status();
  if (sent.ok() || interrupted) sent = sender->Flush();
  absl::StatusOr<LoadReply> reply = sender->Finish();
  // The file cannot be read to its end any more; the shard has the rows before.
  if (reply.ok() && !sent.ok()) return sent;
  return reply;
}

absl::Status Failed(const LoadFileOptions& options, const LoadSender& sender,
                    const absl::Status& why) {
  std::string text =
      absl::StrCat(options.shard.Text(), ": ", PrintableText(why.message(), kTextMax));
  if (IsTransient(why) && sender.rows_sent() > 0) {
    absl::StrAppend(&text, "; ", sender.rows_sent(),
                    " rows were sent until then, pmoe status says how many are \"loaded\"");
  }
  return absl::Status(why.code(), text);
}

void PrintReply(const LoadReply& reply, uint64_t left_out, double seconds, std::FILE* out) {
  const TableStats& stats = reply.stats();
  const std::string left =
      left_out > 0 ? absl::StrCat(", left out ", left_out, " that have no successor") : "";
  std::fprintf(out, "loaded %s rows%s, in %.1f s; the table holds %s of at most %s\n",
               std::to_string(reply.rows()).c_str(), left.c_str(), seconds,
               std::to_string(stats.size()).c_str(), std::to_string(reply.capacity()).c_str());
  if (stats.durability() == "none") {
    std::fputs("replay.durability is none: a kill takes them until the next checkpoint\n", out);
  }
}

}  // namespace

absl::Status LoadFile(const LoadFileOptions& options, const std::atomic<bool>& interrupted,
                      std::FILE* out) {
  const auto of_file = [&](const absl::Status& status) {
    return absl::Status(status.code(), absl::StrCat(options.path, ": ", status.message()));
  };
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<RowSource> source,
                        OpenRows(options.path, options.actions));
  const absl::StatusOr<uint64_t> good = CheckRows(source.get(), interrupted);
  if (!good.ok()) return of_file(good.status());
  const uint64_t left_out = source->rows() - *good;
  Stopwatch watch;
  const auto stub =
      ReplayService::NewStub(MakeChannel(options.shard, PeerRole::kReplay, options.security));
  LoadSender sender(source->spec(), stub.get());
  const absl::StatusOr<LoadReply> reply = SendRows(source.get(), &sender, interrupted);
  if (absl::IsInvalidArgument(reply.status())) return of_file(reply.status());
  if (!reply.ok()) return Failed(options, sender, reply.status());
  PrintReply(*reply, interrupted ? 0 : left_out, watch.Elapsed(), out);
  if (!interrupted) return absl::OkStatus();
  return absl::CancelledError(absl::StrCat("interrupted; the ", reply->rows(), " of ", *good,
                                           " rows that were loaded stay in the table"));
}

}  // namespace pmoe
