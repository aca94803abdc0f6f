#include "replay/core/replay_shard.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace pmoe {

absl::Status ReplayShardOptions::Validate() const {
  PMOE_RETURN_IF_ERROR(table.Validate());
  PMOE_RETURN_IF_ERROR(stage.Validate());
  if (table.fifo.has_value() && (gate.limiter.has_value() || gate.granted_inserts)) {
    return absl::InvalidArgumentError(
        "an on-policy shard has neither a limiter nor granted_inserts; max_lag limits inserts");
  }
  return gate.Validate();
}

absl::StatusOr<std::unique_ptr<ReplayShard>> ReplayShard::Create(
    const ReplayShardOptions& options) {
  PMOE_RETURN_IF_ERROR(options.Validate());
  PMOE_ASSIGN_OR_RETURN(ReplayTable table, ReplayTable::Create(options.spec, options.table));
  return std::unique_ptr<ReplayShard>(new ReplayShard(options, std::move(table)));
}

ReplayShard::ReplayShard(const ReplayShardOptions& options, ReplayTable table)
    : options_(options), gate_(options.gate, options.clock), state_(NewState(std::move(table))) {}

ShardState ReplayShard::NewState(ReplayTable table) const {
  return {.table = std::move(table),
          .rng = Rng(options_.seed, RngRole::kReplay, options_.index),
          .stage = RoundStage(options_.stage)};
}

// Async writers.

absl::StatusOr<uint64_t> ReplayShard::ResumeInsert(const WriterHello& hello) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  PMOE_ASSIGN_OR_RETURN(const uint64_t next_seq, state_.table.Hello(hello));
  WakeBlocked();  // the tails of an older life's streams can be given now
  return next_seq;
}

bool ReplayShard::IsSuperseded(uint32_t member, uint32_t actor, uint32_t epoch) const {
  MutexLock lock(&mu_);
  return state_.table.book().IsSuperseded(member, actor, epoch);
}

bool ReplayShard::BlocksInsert(const Chunk& chunk) const {
  const StreamId id{chunk.member, chunk.actor, chunk.env, chunk.epoch};
  return !gate_.MayInsert(chunk.rows) || !state_.table.selector().HasRoom(id, chunk.rows);
}

absl::Status ReplayShard::Insert(const Chunk& chunk, const WaitLimit& limit) {
  PMOE_RETURN_IF_ERROR(ValidateChunk(options_.spec, chunk));
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  const StreamBook& book = state_.table.book();
  PMOE_RETURN_IF_ERROR(CountDuplicate(book.CheckSeq(chunk)));  // which does not wait
  if (BlocksInsert(chunk)) {
    // At most until the chunk is not its writer's next any more, because a twin of it came on a
    // newer stream.
    const auto blocked = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return BlocksInsert(chunk) && state_.table.book().CheckSeq(chunk).ok();
    };
    const auto why = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return ExplainLocked(); };
    PMOE_RETURN_IF_ERROR(
        gate_.Await(&mu_, {Gate::kInserts, chunk.rows, "no room to insert", blocked, why}, limit));
    PMOE_RETURN_IF_ERROR(CountDuplicate(state_.table.book().CheckSeq(chunk)));
  }
  const absl::Status entered = Enter(chunk);
  if (absl::IsAlreadyExists(entered)) {  // its seq is new: not what a resend looks like
    return absl::FailedPreconditionError(
        absl::StrCat(entered.message(), ", yet seq ", chunk.seq, " is new; the writer is damaged"));
  }
  PMOE_RETURN_IF_ERROR(entered);
  WakeBlocked();
  return absl::OkStatus();
}

absl::Status ReplayShard::Enter(const Chunk& chunk) {
  PMOE_RETURN_IF_ERROR(state_.table.Append(chunk));
  gate_.OnInsert(chunk.rows);
  for (const uint32_t version : chunk.policy_version) {
    state_.newest_version = std::max(state_.newest_version, version);
  }
  return absl::OkStatus();
}

absl::Status ReplayShard::CountDuplicate(absl::Status status) {
  duplicates_ += absl::IsAlreadyExists(status);
  return status;
}

void ReplayShard::SetInsertBound(int64_t bound) {
  MutexLock lock(&mu_);
  gate_.SetInsertBound(bound);
  WakeBlocked();
}

void ReplayShard::CutActor(uint32_t member, uint32_t actor, uint32_t epoch) {
  MutexLock lock(&mu_);
  if (state_.table.book().IsSuperseded(member, actor, epoch)) return;
  state_.table.CutActor(member, actor);
  WakeBlocked();  // tails can be given now
}

// Lockstep rounds.

absl::StatusOr<uint64_t> ReplayShard::ResumeStage(const WriterHello& hello) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  return state_.stage.Hello(hello, state_.table.book());
}

absl::Status ReplayShard::Stage(Chunk chunk) {
  // Sizes are checked before the lock: a bad chunk costs nobody else anything.
  PMOE_RETURN_IF_ERROR(ValidateChunk(options_.spec, chunk));
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  const bool last_of_round = chunk.last_of_round;
  PMOE_RETURN_IF_ERROR(
      CountDuplicate(state_.stage.Add(std::move(chunk), state_.table.mutable_book())));
  if (last_of_round) gate_.Wake(Gate::kRounds);
  return absl::OkStatus();
}

absl::Status ReplayShard::WaitStaged(uint64_t round, const WaitLimit& limit) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  PMOE_RETURN_IF_ERROR(state_.stage.CheckOpen(round));
  const auto blocked = [&]()
                           ABSL_NO_THREAD_SAFETY_ANALYSIS { return !state_.stage.Complete(round); };
  const auto why = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return "waiting for " + state_.stage.Missing(round);
  };
  if (!blocked()) return absl::OkStatus();
  const std::string what = absl::StrCat("round ", round, " is not wholly staged");
  return gate_.Await(&mu_, {Gate::kRounds, 0, what, blocked, why}, limit);
}

absl::Status ReplayShard::Commit(uint64_t round) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  PMOE_RETURN_IF_ERROR(state_.damage);
  if (const absl::Status room = state_.table.selector().CheckRoundRoom(); !room.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("round ", round, " cannot be committed: ", room.message()));
  }
  PMOE_ASSIGN_OR_RETURN(const std::vector<Chunk> chunks, state_.stage.Take(round));
  for (const Chunk& chunk : chunks) {
    if (const absl::Status entered = Enter(chunk); !entered.ok()) {
      state_.damage = absl::Status(
          entered.code(), absl::StrCat("round ", round, " is half in: ", entered.message()));
      return state_.damage;
    }
  }
  WakeBlocked();
  return absl::OkStatus();
}

// The learner.

bool ReplayShard::BlocksSample(const SelectRequest& request) const {
  return !gate_.MaySample(request.rows) || !state_.table.selector().CanSelect(request);
}

absl::Status ReplayShard::CheckBatch(const Minibatch& batch) const {
  const std::optional<RateLimiterOptions>& limiter = options_.gate.limiter;
  if (!limiter.has_value() || batch.size() <= limiter->sample_max) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("limiter.sample_max is ", limiter->sample_max,
                                                 ", less than the batch of ", batch.size()));
}

absl::Status ReplayShard::Sample(Minibatch* batch, const WaitLimit& limit, ShardCounts* counts) {
  PMOE_RETURN_IF_ERROR(CheckBatch(*batch));
  const SelectRequest request{.rows = batch->size()};
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  PMOE_RETURN_IF_ERROR(state_.damage);
  // Without a limiter there is nothing to wait for: in lockstep the rows are there, or never.
  if (gate_.limits_samples() && BlocksSample(request)) {
    const auto blocked = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return BlocksSample(request); };
    const auto why = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return ExplainLocked(); };
    PMOE_RETURN_IF_ERROR(gate_.Await(
        &mu_, {Gate::kSamples, request.rows, "nothing may be sampled", blocked, why}, limit));
  }
  PMOE_RETURN_IF_ERROR(state_.table.Sample(&state_.rng, batch));
  state_.sampled += batch->size();
  gate_.OnSample(batch->size());
  WakeBlocked();
  if (counts != nullptr) *counts = CountRows();
  return absl::OkStatus();
}

// Rows too old make room first: whoever waits with newer ones may hold what is missing.
absl::Status ReplayShard::AwaitRollout(const RolloutRequest& request, const WaitLimit& limit,
                                       absl::FunctionRef<bool()> answered) {
  PMOE_RETURN_IF_ERROR(state_.damage);
  const SelectRequest rows = ReplayTable::InOrder(request);
  PMOE_RETURN_IF_ERROR(state_.table.selector().Check(rows));
  awaited_ = rows;
  const auto blocked = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return !answered() && BlocksSample(rows);
  };
  const auto why = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return ExplainLocked(); };
  // Once as a rule: while it waits, other rows may be loaded or another call say what is old.
  do {
    state_.table.DropOlder(request.version_min);
    WakeBlocked();
    if (blocked()) {
      PMOE_RETURN_IF_ERROR(
          gate_.Await(&mu_, {Gate::kSamples, rows.rows, "no rollout", blocked, why}, limit));
    }
    state_.table.DropOlder(request.version_min);
  } while (blocked());
  return absl::OkStatus();
}

absl::Status ReplayShard::TakeRollout(const RolloutRequest& request, Rollout* out,
                                      const WaitLimit& limit) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  PMOE_RETURN_IF_ERROR(AwaitRollout(request, limit, [] { return false; }));
  state_.table.Take(request, out);
  state_.sampled += request.steps;
  WakeBlocked();
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Rollout>> ReplayShard::TakeRollout(
    const RolloutTicket& ticket, const RolloutRequest& request, const WaitLimit& limit) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  PMOE_RETURN_IF_ERROR(state_.table.selector().Check(ReplayTable::InOrder(request)));
  if (ticket > state_.ticket) {  // which says that the one before has arrived
    state_.ticket = ticket;
    state_.kept.reset();
    gate_.Wake(Gate::kSamples);
  }
  if (ticket == state_.ticket && state_.kept == nullptr) {
    const auto answered = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return ticket != state_.ticket || state_.kept != nullptr;
    };
    PMOE_RETURN_IF_ERROR(AwaitRollout(request, limit, answered));
  }
  if (ticket > state_.ticket) {
    return absl::AbortedError("the shard's rows were set back; ask again");
  }
  if (ticket < state_.ticket) {
    return absl::FailedPreconditionError(absl::StrCat(
        "rollout ", ticket.id, " of learner epoch ", ticket.learner_epoch, " is over: rollout ",
        state_.ticket.id, " of learner epoch ", state_.ticket.learner_epoch, " was asked for"));
  }
  if (state_.kept != nullptr) return state_.kept;
  auto rollout = std::make_shared<Rollout>();
  state_.table.Take(request, rollout.get());
  state_.kept = std::move(rollout);
  state_.sampled += request.steps;
  gate_.Wake(Gate::kSamples);  // whoever waits with the same ticket
  WakeBlocked();
  return state_.kept;
}

// Both sides.

// The waiting side is as a rule the same for the whole run, and many actors may wait: waking them
// for every minibatch only to let them sleep again would cost more than the minibatch.
void ReplayShard::WakeBlocked() {
  Selector* const selector = state_.table.mutable_selector();
  if (gate_.AnybodyWaits(Gate::kInserts) && gate_.MayInsert(gate_.LeastRows(Gate::kInserts)) &&
      selector->RoomGrew()) {
    gate_.Wake(Gate::kInserts);
  }
  const int64_t least = gate_.LeastRows(Gate::kSamples);
  if (gate_.AnybodyWaits(Gate::kSamples) && gate_.MaySample(least) && selector->MaySelect(least)) {
    gate_.Wake(Gate::kSamples);
  }
}

void ReplayShard::Cancel(absl::Status why) {
  PMOE_CHECK(!why.ok());
  MutexLock lock(&mu_);
  gate_.Cancel(std::move(why));
}

std::string ReplayShard::Explain() const {
  MutexLock lock(&mu_);
  return ExplainLocked();
}

std::string ReplayShard::ExplainLocked() const {
  const Selector& selector = state_.table.selector();
  const std::string inserts = selector.ExplainInsert();
  if (inserts.empty()) return gate_.Explain();
  std::string text;
  if (gate_.AnybodyWaits(Gate::kSamples)) text = selector.ExplainSelect(awaited_);
  if (gate_.AnybodyWaits(Gate::kInserts)) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", "inserts are blocked: ", inserts);
  }
  return text.empty() ? absl::StrCat("neither side is blocked: ", inserts) : text;
}

int64_t ReplayShard::size() const { return Counts().size; }

int64_t ReplayShard::inserted() const { return Counts().inserted; }

uint64_t ReplayShard::next_round() const {
  MutexLock lock(&mu_);
  return state_.stage.next_round();
}

absl::Status ReplayShard::damage() const {
  MutexLock lock(&mu_);
  return state_.damage;
}

ShardCounts ReplayShard::Counts() const {
  MutexLock lock(&mu_);
  return CountRows();
}

ShardCounts ReplayShard::CountRows() const {
  return {state_.table.size(), state_.table.eligible(), state_.table.inserted()};
}

ShardStats ReplayShard::Stats() const {
  MutexLock lock(&mu_);
  const ReplayTable& table = state_.table;
  return {.size = table.size(),
          .inserted = table.inserted(),
          .sampled = state_.sampled,
          .bytes = table.bytes(),
          .next_round = state_.stage.next_round(),
          .newest_version = state_.newest_version,
          .duplicates = duplicates_,
          .rows_lost = table.book().rows_lost(),
          .inserts_blocked = gate_.Blocked(Gate::kInserts),
          .samples_blocked = gate_.Blocked(Gate::kSamples)};
}

}  // namespace pmoe
