#include "replay/service/sample_stream.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"

namespace pmoe {
namespace {

constexpr std::chrono::hours kUntilThereAreRows{24 * 365};
constexpr size_t kHeadBytesMax = 64;  // of a reply beside its columns

// What is asked for, if a message holds it.
absl::StatusOr<BatchShape> ShapeOf(const ReplayShard& shard, const SampleRequest& request) {
  constexpr size_t kBytesMax = kMessageBytesMax - kHeadBytesMax;
  const auto bytes = [&shard](int rows) {  // of one sequence, or of a row by itself
    return PackedBytes(shard.spec(), {1, rows, shard.prioritized()});
  };
  const uint32_t sequence_rows = request.sequence_rows();
  const size_t longest = (kBytesMax - bytes(1)) / (bytes(2) - bytes(1)) + 1;
  if (sequence_rows > longest) {
    return absl::InvalidArgumentError(absl::StrCat("SampleRequest.sequence_rows is ", sequence_rows,
                                                   ", more than a message of ", kMessageBytesMax,
                                                   " bytes holds; ask for at most ", longest));
  }
  const size_t each = bytes(static_cast<int>(sequence_rows));
  const size_t rows_max = kBytesMax / each;
  if (request.rows() <= rows_max) {
    return BatchShape{static_cast<int>(request.rows()), static_cast<int>(sequence_rows),
                      shard.prioritized()};
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a minibatch of ", request.rows(), sequence_rows > 0 ? " sequences" : " rows",
                   " of ", each, " bytes is more than a message of ", kMessageBytesMax,
                   " bytes holds; ask for at most ", rows_max));
}

}  // namespace

absl::Status SampleStream::Serve(SampleRequest request) {
  do {
    PMOE_RETURN_IF_ERROR(ended_());
    PMOE_RETURN_IF_ERROR(Answer(request));
  } while (stream_->Read(&request));
  return absl::OkStatus();
}

absl::Status SampleStream::Answer(const SampleRequest& request) {
  // It may have waited in the connection for long.
  if (request.newest_version() > 0) {
    shard_->SetPublished(request.newest_version(), /*now=*/false);
  }
  if (request.insert_bound() > 0) shard_->SetInsertBound(request.insert_bound());
  ShardCounts counts;
  if (request.rows() > 0) {
    PMOE_ASSIGN_OR_RETURN(const BatchShape shape, ShapeOf(*shard_, request));
    PMOE_RETURN_IF_ERROR(Draw(shape, &counts));
  } else {
    reply_.clear_columns();
    counts = shard_->Counts();
  }
  reply_.set_rows(request.rows());
  reply_.set_size(counts.size);
  reply_.set_inserted(counts.inserted);
  reply_.set_eligible(counts.eligible);
  // A Write that fails ends the Reads too.
  (void)stream_->Write(reply_);
  return absl::OkStatus();
}

absl::Status SampleStream::Draw(const BatchShape& shape, ShardCounts* counts) {
  std::string* const columns = reply_.mutable_columns();
  columns->resize(PackedBytes(shard_->spec(), shape));
  Minibatch batch(shard_->spec(), shape, absl::MakeSpan(*columns));
  absl::Status ended;
  const WaitLimit limit(kUntilThereAreRows, [&] {
    ended = ended_();
    return !ended.ok();
  });
  const absl::Status drawn = shard_->Sample(&batch, limit, counts);
  if (!ended.ok()) return ended;
  return drawn;
}

}  // namespace pmoe
