#include "replay/client/sharded_sampler.h"

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "replay/wire/table_request.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLimiterTimeout{500};

SampleBoardOptions BoardOptions(const RpcReplayOptions& options, int batch_size, int rows_behind) {
  SampleBoardOptions board;
  board.rows_behind = rows_behind;
  board.spec = SpecOf(options.table.columns());
  board.batch_size = batch_size;
  board.sequence_rows = options.sequence_rows;
  board.shards = options.shards;
  board.seed = options.table.seed();
  board.lockstep = options.table.lockstep() || options.paced;
  board.prioritized = options.table.has_priorities();
  board.reject_nonfinite = !options.table.accept_nonfinite();
  if (options.table.has_limiter()) board.limiter = LimiterOptions(options.table.limiter());
  return board;
}

}  // namespace

ShardedSampler::ShardedSampler(const RpcReplayOptions& options, int batch_size,
                               milliseconds long_wait, int rows_behind)
    : single_(options.shards == 1),
      long_wait_(long_wait),
      board_(BoardOptions(options, batch_size, rows_behind)) {
  for (int shard = 0; shard < options.shards; ++shard) {
    board_.SetName(shard, absl::StrCat("replay ", shard));
    links_.push_back(std::make_unique<SampleLink>(shard, options, &board_));
  }
}

void ShardedSampler::SetAddress(int shard, const RpcAddress& address) {
  links_[static_cast<size_t>(shard)]->SetAddress(address);
}

void ShardedSampler::Expect(int64_t batches) { board_.Expect(batches); }

absl::StatusOr<Minibatch*> ShardedSampler::Next(milliseconds timeout) {
  if (!waits_since_.has_value()) waits_since_ = Clock::Real()->Now();
  absl::StatusOr<Minibatch*> batch = board_.Next(timeout);
  if (absl::IsDeadlineExceeded(batch.status())) return Explain(timeout);
  waits_since_.reset();
  limiter_.clear();
  return batch;
}

absl::Status ShardedSampler::Explain(milliseconds timeout) {
  const Clock::Time now = Clock::Real()->Now();
  if (single_ && now - *waits_since_ > long_wait_ && now - asked_limiter_ > long_wait_) {
    asked_limiter_ = now;
    const absl::StatusOr<std::string> text = links_[0]->LimiterText(kLimiterTimeout);
    limiter_ = text.ok() ? absl::StrCat("; ", *text) : "";
  }
  return absl::DeadlineExceededError(absl::StrCat(
      "no minibatch after ", timeout.count(), " ms: waiting for ", board_.WaitsFor(), limiter_));
}

}  // namespace pmoe
