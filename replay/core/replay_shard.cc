#include "replay/core/replay_shard.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "replay/core/block_file.h"

namespace pmoe {

absl::Status ReplayShardOptions::Validate() const {
  PMOE_RETURN_IF_ERROR(table.Validate());
  PMOE_RETURN_IF_ERROR(stage.Validate());
  if (!limiter.has_value()) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(limiter->Validate());
  if (limiter->insert_max < kPageRows) {
    return absl::InvalidArgumentError(absl::StrCat("limiter.insert_max must be >= ", kPageRows,
                                                   ", the rows of a chunk, got ",
                                                   limiter->insert_max));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ReplayShard>> ReplayShard::Create(
    const ReplayShardOptions& options) {
  PMOE_RETURN_IF_ERROR(options.Validate());
  PMOE_ASSIGN_OR_RETURN(ReplayTable table, ReplayTable::Create(options.spec, options.table));
  return std::unique_ptr<ReplayShard>(new ReplayShard(options, std::move(table)));
}

ReplayShard::ReplayShard(const ReplayShardOptions& options, ReplayTable table)
    : options_(options),
      table_(std::move(table)),
      stage_(options.stage),
      rng_(options.seed, RngRole::kReplay, options.index) {
  if (options.limiter.has_value()) limiter_.emplace(*options.limiter);
}

bool ReplayShard::AwaitChange(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  if (left.count() <= 0) return false;
  changed_.WaitFor(&mu_, left);
  return true;
}

absl::Status ReplayShard::Stage(Chunk chunk) {
  // Sizes are checked before the lock: a bad chunk costs nobody else anything.
  PMOE_RETURN_IF_ERROR(ValidateChunk(options_.spec, chunk));
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  const bool last_of_round = chunk.last_of_round;
  PMOE_RETURN_IF_ERROR(stage_.Add(std::move(chunk)));
  if (last_of_round) changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status ReplayShard::WaitStaged(uint64_t round, std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  PMOE_RETURN_IF_ERROR(stage_.CheckOpen(round));
  while (!stage_.Complete(round)) {
    if (!AwaitChange(deadline)) {
      return absl::DeadlineExceededError(
          absl::StrCat("round ", round, " is not wholly staged after ", timeout.count(),
                       " ms: waiting for ", stage_.Missing(round)));
    }
    PMOE_RETURN_IF_ERROR(cancelled_);
  }
  return absl::OkStatus();
}

absl::Status ReplayShard::Commit(uint64_t round) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  PMOE_ASSIGN_OR_RETURN(const std::vector<Chunk> chunks, stage_.Take(round));
  for (const Chunk& chunk : chunks) {
    PMOE_RETURN_IF_ERROR(table_.Append(chunk));
    if (limiter_.has_value()) limiter_->OnInsert(chunk.rows);
  }
  changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status ReplayShard::Insert(const Chunk& chunk, std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  PMOE_RETURN_IF_ERROR(ValidateChunk(options_.spec, chunk));
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  while (limiter_.has_value() && !limiter_->CanInsert(chunk.rows)) {
    if (!AwaitChange(deadline)) {
      return absl::DeadlineExceededError(
          absl::StrCat("no room to insert after ", timeout.count(), " ms: ", limiter_->Explain()));
    }
    PMOE_RETURN_IF_ERROR(cancelled_);
  }
  PMOE_RETURN_IF_ERROR(table_.Append(chunk));
  if (limiter_.has_value()) limiter_->OnInsert(chunk.rows);
  changed_.NotifyAll();
  return absl::OkStatus();
}

void ReplayShard::CutActor(uint32_t member, uint32_t actor) {
  MutexLock lock(&mu_);
  table_.CutActor(member, actor);
}

absl::Status ReplayShard::Sample(Minibatch* batch, std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  if (options_.limiter.has_value() && batch->size() > options_.limiter->sample_max) {
    return absl::InvalidArgumentError(absl::StrCat("limiter.sample_max is ",
                                                   options_.limiter->sample_max,
                                                   ", less than the batch of ", batch->size()));
  }
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  while (limiter_.has_value() && !limiter_->CanSample(batch->size())) {
    if (!AwaitChange(deadline)) {
      return absl::DeadlineExceededError(absl::StrCat(
          "nothing may be sampled after ", timeout.count(), " ms: ", limiter_->Explain()));
    }
    PMOE_RETURN_IF_ERROR(cancelled_);
  }
  PMOE_RETURN_IF_ERROR(table_.Sample(&rng_, batch));
  if (!limiter_.has_value()) return absl::OkStatus();
  limiter_->OnSample(batch->size());
  changed_.NotifyAll();
  return absl::OkStatus();
}

void ReplayShard::Cancel(absl::Status why) {
  PMOE_CHECK(!why.ok());
  MutexLock lock(&mu_);
  if (cancelled_.ok()) cancelled_ = std::move(why);
  changed_.NotifyAll();
}

int64_t ReplayShard::size() const {
  MutexLock lock(&mu_);
  return table_.size();
}

int64_t ReplayShard::inserted() const {
  MutexLock lock(&mu_);
  return table_.inserted();
}

int64_t ReplayShard::bytes() const {
  MutexLock lock(&mu_);
  return table_.bytes();
}

uint64_t ReplayShard::next_round() const {
  MutexLock lock(&mu_);
  return stage_.next_round();
}

std::string ReplayShard::ExplainLimiter() const {
  MutexLock lock(&mu_);
  return limiter_.has_value() ? limiter_->Explain() : "the rate limiter is off";
}

absl::Status ReplayShard::Save(const std::string& path) const {
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileWriter::Create(path));
  {
    MutexLock lock(&mu_);
    ByteWriter state;
    rng_.SaveState(&state);
    stage_.SaveState(&state);
    state.Pod(static_cast<uint8_t>(limiter_.has_value()));
    if (limiter_.has_value()) limiter_->SaveState(&state);
    PMOE_RETURN_IF_ERROR(file->Write(kShardBlock, {state.bytes()}));
    PMOE_RETURN_IF_ERROR(table_.Save(file.get()));
  }
  return file->Finish();
}

absl::Status ReplayShard::LoadState(absl::string_view bytes, Rng* rng, RoundStage* stage,
                                    std::optional<RateLimiter>* limiter) const {
  ByteReader in(bytes);
  uint8_t limited = 0;
  PMOE_RETURN_IF_ERROR(rng->LoadState(&in));
  PMOE_RETURN_IF_ERROR(stage->LoadState(options_.spec, &in));
  in.Pod(&limited);
  // The command line decides whether there is a limiter; a new one begins to count at once.
  RateLimiter saved = limiter->value_or(RateLimiter({}));
  if (limited != 0) PMOE_RETURN_IF_ERROR(saved.LoadState(&in));
  if (limiter->has_value()) *limiter = saved;
  return in.Finish("the shard block");
}

absl::Status ReplayShard::Load(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileReader::Open(path));
  Rng rng;
  RoundStage stage(options_.stage);
  std::optional<RateLimiter> limiter;
  if (options_.limiter.has_value()) limiter.emplace(*options_.limiter);
  PMOE_ASSIGN_OR_RETURN(BlockFileReader::Block block, file->Next());
  if (block.type != kShardBlock) return file->Bad("does not begin with a shard block");
  PMOE_RETURN_IF_ERROR(LoadState(block.payload, &rng, &stage, &limiter));

  PMOE_ASSIGN_OR_RETURN(ReplayTable table, ReplayTable::Create(options_.spec, options_.table));
  PMOE_RETURN_IF_ERROR(table.Load(file.get()));
  PMOE_ASSIGN_OR_RETURN(block, file->Next());
  if (block.type != kEndBlock) return file->Bad("goes on where its end must be");

  MutexLock lock(&mu_);
  table_ = std::move(table);
  stage_ = std::move(stage);
  limiter_ = std::move(limiter);
  rng_ = rng;
  changed_.NotifyAll();
  return absl::OkStatus();
}

}  // namespace pmoe
