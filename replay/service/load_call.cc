#include "replay/service/load_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "replay/core/nonsense.h"
#include "replay/wire/chunk_codec.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

std::string Text(const TableSpec& spec) {
  return absl::StrCat("observations of ", spec.obs_dim, ", actions of ", spec.action_dim, " and ",
                      spec.extra_dim, " extra columns");
}

}  // namespace

absl::Status LoadCall::Serve(LoadRequest request) {
  PMOE_RETURN_IF_ERROR(CheckColumns(request.hello()));
  EndStream();  // of a call that the shard did not live through
  const absl::Status status = ServeAll(&request);
  EndStream();
  if (status.ok()) return status;
  absl::Status told(status.code(), absl::StrCat(status.message(), "; ", rows_,
                                                " rows of this load are in the table and stay"));
  status.ForEachPayload([&told](absl::string_view type, const absl::Cord& payload) {
    told.SetPayload(type, payload);
  });
  return told;
}

absl::Status LoadCall::ServeAll(LoadRequest* request) {
  do {
    for (const ChunkMessage& message : request->chunks()) PMOE_RETURN_IF_ERROR(Enter(message));
    PMOE_RETURN_IF_ERROR(options_.ended());
    // A disk that is behind holds the file's rows back as it does those of actors.
    if (options_.await_ack != nullptr) PMOE_RETURN_IF_ERROR(options_.await_ack());
    request->Clear();
  } while (stream_->Read(request));
  return options_.ended();
}

absl::Status LoadCall::CheckColumns(const LoadHello& hello) const {
  const TableSpec spec = SpecOf(hello.columns());
  if (spec == shard_->spec()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the file has ", Text(spec), "; the table has ", Text(shard_->spec()),
                   ": load a file of the same environment and algorithm"));
}

absl::Status LoadCall::Enter(const ChunkMessage& message) {
  InsertHello writer;
  writer.set_actor(StreamBook::kLoader);
  PMOE_ASSIGN_OR_RETURN(Chunk chunk, DecodeChunk(writer, message));
  if (chunk.seq != next_seq_ || chunk.first_step < next_step_) {
    return Nonsense(kBadNumbers, absl::StrCat("chunk ", chunk.seq, " from step ", chunk.first_step,
                                              " came where chunk ", next_seq_, " from step ",
                                              next_step_, " or later had to"));
  }
  if (chunk.first_step > next_step_) EndStream();
  ++next_seq_;
  next_step_ = chunk.first_step + chunk.rows;
  const int64_t rows = chunk.rows;
  PMOE_RETURN_IF_ERROR(shard_->InsertLoaded(std::move(chunk)));
  rows_ += rows;
  return absl::OkStatus();
}

void LoadCall::EndStream() { shard_->CutActor(/*member=*/0, StreamBook::kLoader, /*epoch=*/0); }

}  // namespace pmoe
