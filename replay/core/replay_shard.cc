#include "replay/core/replay_shard.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "replay/core/block_file.h"

namespace pmoe {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAskAgain{100};  // how often a wait asks its `stop`

}  // namespace

absl::Status ReplayShardOptions::Validate() const {
  PMOE_RETURN_IF_ERROR(table.Validate());
  PMOE_RETURN_IF_ERROR(stage.Validate());
  if (on_policy.has_value()) {
    PMOE_RETURN_IF_ERROR(on_policy->Validate());
    if (limiter.has_value() || granted_inserts) {
      return absl::InvalidArgumentError(
          "an on-policy shard has neither a limiter nor granted_inserts; max_lag limits inserts");
    }
  }
  if (!limiter.has_value()) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(limiter->Validate());
  if (granted_inserts) {
    return absl::InvalidArgumentError(
        "a shard has a limiter or granted_inserts, not both; with several shards the learner "
        "limits");
  }
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
      staged_(options.clock),
      may_go_on_{CondVar(options.clock), CondVar(options.clock)},
      table_(std::move(table)),
      state_(NewState()) {}

ShardState ReplayShard::NewState() const {
  ShardState state{.rng = Rng(options_.seed, RngRole::kReplay, options_.index),
                   .stage = RoundStage(options_.stage),
                   .limiter = std::nullopt,
                   .ledger = {},
                   .queue = std::nullopt,
                   .ticket = {},
                   .kept = nullptr};
  if (options_.limiter.has_value()) state.limiter.emplace(*options_.limiter);
  if (options_.on_policy.has_value()) state.queue.emplace(options_.spec, *options_.on_policy);
  return state;
}

ReplayShard::Wait ReplayShard::StartWait(const WaitLimit& limit) const {
  const Clock::Time now = options_.clock->Now();
  return {limit, now + limit.timeout, now + kAskAgain};
}

absl::Status ReplayShard::AwaitChange(CondVar* changed, Wait* wait) {
  const bool may_stop = wait->limit.stop != nullptr;
  if (options_.clock->Now() >= wait->deadline) return absl::DeadlineExceededError("");
  changed->WaitUntil(&mu_, may_stop ? std::min(wait->deadline, wait->ask_at) : wait->deadline);
  if (may_stop && options_.clock->Now() >= wait->ask_at) {
    mu_.Unlock();
    const bool stop = wait->limit.stop();
    mu_.Lock();
    if (stop) return absl::CancelledError("nobody waits for it any more");
    wait->ask_at = options_.clock->Now() + kAskAgain;
  }
  return cancelled_;
}

// The waiting side is as a rule the same for the whole run, and many actors may wait: waking them
// for every minibatch only to let them sleep again would cost more than the minibatch.
void ReplayShard::WakeBlocked() {
  for (const Side side : {kInserts, kSamples}) {
    if (blocked_[side].anybody() && MayGoOn(side)) may_go_on_[side].NotifyAll();
  }
}

bool ReplayShard::MayGoOn(Side side) {
  if (!state_.queue.has_value()) return !IsBlocked({side, least_rows_[side]});
  return side == kInserts ? state_.queue->RoomGrew() : state_.queue->size() >= least_rows_[side];
}

bool ReplayShard::IsBlocked(const Turn& turn) const {
  if (turn.request != nullptr) {
    const bool answered =
        turn.ticket != nullptr && (*turn.ticket != state_.ticket || state_.kept != nullptr);
    return !answered && !state_.queue->CanTake(*turn.request);
  }
  if (state_.queue.has_value()) return !state_.queue->CanInsert(*turn.chunk);
  const std::optional<RateLimiter>& limiter = state_.limiter;
  if (turn.side == kInserts) {
    return options_.granted_inserts ? table_.inserted() + turn.rows > insert_bound_
                                    : limiter.has_value() && !limiter->CanInsert(turn.rows);
  }
  return limiter.has_value() && (!limiter->CanSample(turn.rows) || table_.eligible() == 0);
}

absl::Status ReplayShard::AwaitTurn(const Turn& turn, const WaitLimit& limit) {
  if (!IsBlocked(turn)) return absl::OkStatus();
  const Side side = turn.side;
  const Clock::Time began = options_.clock->Now();
  int64_t& least_rows = least_rows_[side];
  least_rows = blocked_[side].anybody() ? std::min(least_rows, turn.rows) : turn.rows;
  blocked_[side].Begin(began);
  Wait wait = StartWait(limit);
  absl::Status status;
  do {
    status = AwaitChange(&may_go_on_[side], &wait);
  } while (status.ok() && IsBlocked(turn) &&
           (turn.chunk == nullptr || state_.ledger.Check(*turn.chunk).ok()));
  if (absl::IsDeadlineExceeded(status)) {
    const char* const what = side == kInserts          ? "no room to insert"
                             : turn.request != nullptr ? "no rollout"
                                                       : "nothing may be sampled";
    status = absl::DeadlineExceededError(
        absl::StrCat(what, " after ", limit.timeout.count(), " ms: ", Explain()));
  }
  blocked_[side].End(began, options_.clock->Now());
  return status;
}

std::string ReplayShard::Explain() const {
  if (state_.queue.has_value()) return ExplainRollouts();
  if (state_.limiter.has_value()) return state_.limiter->Explain();
  if (!options_.granted_inserts) return "the rate limiter is off";
  const std::string bound =
      absl::StrCat(table_.inserted(), " rows inserted, the learner granted ", insert_bound_);
  return IsBlocked({kInserts, kPageRows})
             ? absl::StrCat("inserts wait for the learner's grant: ", bound)
             : absl::StrCat("neither side is blocked: ", bound);
}

absl::Status ReplayShard::CountDuplicate(absl::Status status) {
  duplicates_ += absl::IsAlreadyExists(status);
  return status;
}

absl::StatusOr<uint64_t> ReplayShard::ResumeStage(const WriterHello& hello) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  return state_.stage.Hello(hello);
}

absl::StatusOr<uint64_t> ReplayShard::ResumeInsert(const WriterHello& hello) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  const bool is_new = state_.ledger.IsNewEpoch(hello.member, hello.actor, hello.epoch);
  PMOE_ASSIGN_OR_RETURN(const uint64_t next_seq, state_.ledger.Hello(hello));
  if (!is_new) return next_seq;
  table_.CutActor(hello.member, hello.actor);
  if (state_.queue.has_value()) state_.queue->CutActor(hello.member, hello.actor);
  WakeBlocked();
  return next_seq;
}

absl::Status ReplayShard::Stage(Chunk chunk) {
  // Sizes are checked before the lock: a bad chunk costs nobody else anything.
  PMOE_RETURN_IF_ERROR(ValidateChunk(options_.spec, chunk));
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  const bool last_of_round = chunk.last_of_round;
  PMOE_RETURN_IF_ERROR(CountDuplicate(state_.stage.Add(std::move(chunk))));
  if (last_of_round) staged_.NotifyAll();
  return absl::OkStatus();
}

absl::Status ReplayShard::WaitStaged(uint64_t round, const WaitLimit& limit) {
  Wait wait = StartWait(limit);
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  PMOE_RETURN_IF_ERROR(state_.stage.CheckOpen(round));
  while (!state_.stage.Complete(round)) {
    const absl::Status status = AwaitChange(&staged_, &wait);
    if (absl::IsDeadlineExceeded(status)) {
      return absl::DeadlineExceededError(
          absl::StrCat("round ", round, " is not wholly staged after ", limit.timeout.count(),
                       " ms: waiting for ", state_.stage.Missing(round)));
    }
    PMOE_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

absl::Status ReplayShard::Enter(const Chunk& chunk) {
  PMOE_RETURN_IF_ERROR(state_.queue.has_value() ? state_.queue->Append(chunk)
                                                : table_.Append(chunk));
  if (state_.limiter.has_value()) state_.limiter->OnInsert(chunk.rows);
  for (const uint32_t version : chunk.policy_version) {
    state_.newest_version = std::max(state_.newest_version, version);
  }
  return absl::OkStatus();
}

absl::Status ReplayShard::Commit(uint64_t round) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  if (state_.queue.has_value() && state_.queue->size() > state_.queue->rows_max()) {
    return absl::FailedPreconditionError(
        absl::StrCat("round ", round, " cannot be committed: ", state_.queue->size(),
                     " rows of earlier rounds were not taken; call TakeRollout after each"));
  }
  PMOE_ASSIGN_OR_RETURN(const std::vector<Chunk> chunks, state_.stage.Take(round));
  for (const Chunk& chunk : chunks) PMOE_RETURN_IF_ERROR(Enter(chunk));
  WakeBlocked();
  return absl::OkStatus();
}

absl::Status ReplayShard::Insert(const Chunk& chunk, const WaitLimit& limit) {
  PMOE_RETURN_IF_ERROR(ValidateChunk(options_.spec, chunk));
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  PMOE_RETURN_IF_ERROR(CountDuplicate(state_.ledger.Check(chunk)));  // which does not wait
  PMOE_RETURN_IF_ERROR(AwaitTurn({kInserts, chunk.rows, &chunk}, limit));
  PMOE_RETURN_IF_ERROR(CountDuplicate(state_.ledger.Check(chunk)));
  const absl::Status entered = Enter(chunk);
  if (absl::IsAlreadyExists(entered)) {  // to the ledger it is new: not what a resend looks like
    return absl::FailedPreconditionError(
        absl::StrCat(entered.message(), ", yet seq ", chunk.seq, " is new; the writer is damaged"));
  }
  PMOE_RETURN_IF_ERROR(entered);
  state_.ledger.OnInsert(chunk);
  WakeBlocked();
  return absl::OkStatus();
}

void ReplayShard::SetInsertBound(int64_t bound) {
  MutexLock lock(&mu_);
  insert_bound_ = bound;
  WakeBlocked();
}

void ReplayShard::CutActor(uint32_t member, uint32_t actor, uint32_t epoch) {
  MutexLock lock(&mu_);
  if (state_.ledger.IsSuperseded(member, actor, epoch)) return;
  table_.CutActor(member, actor);
  if (state_.queue.has_value()) state_.queue->CutActor(member, actor);
  WakeBlocked();  // tails can be sampled now
}

absl::Status ReplayShard::Sample(Minibatch* batch, const WaitLimit& limit) {
  if (options_.on_policy.has_value()) {
    return absl::FailedPreconditionError(
        "this shard is on-policy: its rows are taken once, with TakeRollout, and not sampled");
  }
  if (options_.limiter.has_value() && batch->size() > options_.limiter->sample_max) {
    return absl::InvalidArgumentError(absl::StrCat("limiter.sample_max is ",
                                                   options_.limiter->sample_max,
                                                   ", less than the batch of ", batch->size()));
  }
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(cancelled_);
  PMOE_RETURN_IF_ERROR(AwaitTurn({kSamples, batch->size()}, limit));
  PMOE_RETURN_IF_ERROR(table_.Sample(&state_.rng, batch));
  state_.sampled += batch->size();
  if (!state_.limiter.has_value()) return absl::OkStatus();
  state_.limiter->OnSample(batch->size());
  WakeBlocked();
  return absl::OkStatus();
}

void ReplayShard::Cancel(absl::Status why) {
  PMOE_CHECK(!why.ok());
  MutexLock lock(&mu_);
  if (cancelled_.ok()) cancelled_ = std::move(why);
  staged_.NotifyAll();
  for (CondVar& side : may_go_on_) side.NotifyAll();
}

int64_t ReplayShard::size() const { return Counts().size; }

int64_t ReplayShard::inserted() const { return Counts().inserted; }

uint64_t ReplayShard::next_round() const {
  MutexLock lock(&mu_);
  return state_.stage.next_round();
}

ShardCounts ReplayShard::Counts() const {
  MutexLock lock(&mu_);
  return CountRows();
}

ShardCounts ReplayShard::CountRows() const {
  if (!state_.queue.has_value()) return {table_.size(), table_.eligible(), table_.inserted()};
  return {state_.queue->size(), state_.queue->size(), state_.queue->inserted()};
}

ShardStats ReplayShard::Stats() const {
  MutexLock lock(&mu_);
  const Clock::Time now = options_.clock->Now();
  const auto seconds = [&now](const BlockedTime& side) {
    return BlockedSeconds{side.Total_s(now), side.Current_s(now)};
  };
  const ShardCounts rows = CountRows();
  return {.size = rows.size,
          .inserted = rows.inserted,
          .sampled = state_.sampled,
          .bytes = state_.queue.has_value() ? state_.queue->bytes() : table_.bytes(),
          .next_round = state_.stage.next_round(),
          .newest_version = state_.newest_version,
          .duplicates = duplicates_,
          .rows_lost = state_.ledger.rows_lost(),
          .inserts_blocked = seconds(blocked_[kInserts]),
          .samples_blocked = seconds(blocked_[kSamples]),
          .limiter = Explain()};
}

absl::Status ReplayShard::Save(const std::string& path) const {
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileWriter::Create(path));
  {
    MutexLock lock(&mu_);
    ByteWriter out;
    state_.rng.SaveState(&out);
    state_.stage.SaveState(&out);
    out.Pod(static_cast<uint8_t>(state_.limiter.has_value()));
    if (state_.limiter.has_value()) state_.limiter->SaveState(&out);
    state_.ledger.SaveState(&out);
    out.Pod(state_.sampled);
    out.Pod(state_.newest_version);
    PMOE_RETURN_IF_ERROR(file->Write(kShardBlock, {out.bytes()}));
    PMOE_RETURN_IF_ERROR(table_.Save(file.get()));
    PMOE_RETURN_IF_ERROR(SaveRollouts(file.get()));
  }
  return file->Finish();
}

absl::Status ReplayShard::LoadState(absl::string_view bytes, ShardState* state) const {
  ByteReader in(bytes);
  uint8_t limited = 0;
  PMOE_RETURN_IF_ERROR(state->rng.LoadState(&in));
  PMOE_RETURN_IF_ERROR(state->stage.LoadState(&in));
  in.Pod(&limited);
  // The command line decides whether there is a limiter; a new one begins to count at once.
  RateLimiter saved = state->limiter.value_or(RateLimiter({}));
  if (limited != 0) PMOE_RETURN_IF_ERROR(saved.LoadState(&in));
  if (state->limiter.has_value()) state->limiter = saved;
  PMOE_RETURN_IF_ERROR(state->ledger.LoadState(&in));
  in.Pod(&state->sampled);
  in.Pod(&state->newest_version);
  return in.Finish("the shard block");
}

absl::Status ReplayShard::Load(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const auto file, BlockFileReader::Open(path));
  ShardState state = NewState();
  PMOE_ASSIGN_OR_RETURN(BlockFileReader::Block block, file->Next());
  if (block.type != kShardBlock) return file->Bad("does not begin with a shard block");
  PMOE_RETURN_IF_ERROR(LoadState(block.payload, &state));

  PMOE_ASSIGN_OR_RETURN(ReplayTable table, ReplayTable::Create(options_.spec, options_.table));
  PMOE_RETURN_IF_ERROR(table.Load(file.get()));
  PMOE_RETURN_IF_ERROR(LoadRollouts(file.get(), &state));

  MutexLock lock(&mu_);
  table_ = std::move(table);
  state_ = std::move(state);
  staged_.NotifyAll();
  WakeBlocked();
  return absl::OkStatus();
}

}  // namespace pmoe
