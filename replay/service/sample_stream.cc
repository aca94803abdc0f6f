#include "replay/service/sample_stream.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "replay/core/minibatch.h"

namespace pmoe {
namespace {

constexpr std::chrono::hours kUntilThereAreRows{24 * 365};
constexpr size_t kHeadBytesMax = 64;  // of a reply beside its columns

absl::Status CheckRows(const ReplayShard& shard, uint32_t rows) {
  const size_t row_bytes = PackedBytes(shard.spec(), 1, shard.prioritized());
  const size_t rows_max = (kMessageBytesMax - kHeadBytesMax) / row_bytes;
  if (rows <= rows_max) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a minibatch of ", rows, " rows of ", row_bytes,
                                                 " bytes is more than a message "
                                                 "of ",
                                                 kMessageBytesMax, " bytes holds; ask for at most ",
                                                 rows_max));
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
    PMOE_RETURN_IF_ERROR(Draw(request.rows(), &counts));
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

absl::Status SampleStream::Draw(uint32_t rows, ShardCounts* counts) {
  PMOE_RETURN_IF_ERROR(CheckRows(*shard_, rows));
  std::string* const columns = reply_.mutable_columns();
  columns->resize(PackedBytes(shard_->spec(), static_cast<int>(rows), shard_->prioritized()));
  Minibatch batch(shard_->spec(), static_cast<int>(rows), absl::MakeSpan(*columns),
                  shard_->prioritized());
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
