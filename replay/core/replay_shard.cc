#include "replay/core/replay_shard.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "replay/core/nonsense.h"

namespace pmoe {
namespace {

// Lockstep: rounds whose policies a shard may meet before it hears of them at their commit.
constexpr uint32_t kRoundsAhead = 2;

uint32_t NewestVersion(const Chunk& chunk) {
  const auto newest = std::max_element(chunk.policy_version.begin(), chunk.policy_version.end());
  return newest == chunk.policy_version.end() ? 0 : *newest;
}

absl::Status UnknownVersion(const Chunk& chunk, uint32_t version, uint32_t newest) {
  return Nonsense(kUnknownVersion, absl::StrCat("chunk of actor ", chunk.actor, " env ", chunk.env,
                                                " seq ", chunk.seq, ": policy version ", version,
                                                " was never published; the newest is ", newest));
}

}  // namespace

absl::Status ReplayShardOptions::Validate() const {
  PMOE_RETURN_IF_ERROR(table.Validate());
  PMOE_RETURN_IF_ERROR(stage.Validate());
  if (rules.choices.columns > std::min(spec.extra_dim, ExtraChoices::kColumnsMax)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a table of ", spec.extra_dim, " extra columns has choices for ", rules.choices.columns));
  }
  if (table.fifo.has_value() && (gate.limiter.has_value() || gate.granted_inserts)) {
    return absl::InvalidArgumentError(
        "an on-policy shard has neither a limiter nor granted_inserts; max_lag limits inserts");
  }
  PMOE_RETURN_IF_ERROR(gate.Validate());
  const int times_max = table.max_times_sampled;
  if (!gate.limiter.has_value() || times_max == 0) return absl::OkStatus();
  if (gate.limiter->samples_per_insert <= times_max * (1 + 1e-9)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("limiter.samples_per_insert must be <= replay.max_times_sampled ", times_max,
                   ", got ", gate.limiter->samples_per_insert, "; no row is given so often"));
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
  const StreamBook::Writer* const known = state_.table.book().Find(hello.member, hello.actor);
  const bool changes =
      known == nullptr || known->epoch < hello.epoch || known->next_seq < hello.first_seq_held;
  PMOE_ASSIGN_OR_RETURN(const uint64_t next_seq, state_.table.Hello(hello));
  if (changes) WriteDown(EncodeRecord(hello));
  WakeBlocked();  // the tails of an older life's streams can be given now
  return next_seq;
}

bool ReplayShard::IsSuperseded(uint32_t member, uint32_t actor, uint32_t epoch) const {
  MutexLock lock(&mu_);
  return state_.table.book().IsSuperseded(member, actor, epoch);
}

// Whatever became of the rows that were inserted, both sides never wait for each other: one that
// only lacks rows gets them.
bool ReplayShard::BlocksInsert(const Chunk& chunk) const {
  const StreamId id{chunk.member, chunk.actor, chunk.env, chunk.epoch};
  return (!gate_.MayInsert(chunk.rows) && !LacksRows()) ||
         !state_.table.selector().HasRoom(id, chunk.rows);
}

absl::Status ReplayShard::Insert(const Chunk& chunk, const WaitLimit& limit) {
  PMOE_RETURN_IF_ERROR(ValidateActors(chunk));
  std::string record;
  if (journal_ != nullptr) record = EncodeRecord(chunk);  // without the lock
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  PMOE_RETURN_IF_ERROR(CountDuplicate(state_.table.book().CheckSeq(chunk)));  // which does not wait
  const absl::Status entered = InsertLocked(chunk, limit);
  if (entered.ok()) WriteDown(std::move(record));
  WakeBlocked();  // also after an error: somebody behind it in line may go now
  return entered;
}

absl::Status ReplayShard::InsertLocked(const Chunk& chunk, const WaitLimit& limit) {
  PMOE_RETURN_IF_ERROR(AwaitPublished(chunk, limit));
  PMOE_RETURN_IF_ERROR(AwaitTurn(chunk, limit));
  const absl::Status entered = Enter(chunk);
  if (!absl::IsAlreadyExists(entered)) return entered;
  // Its seq is new: not what a resend looks like.
  return absl::FailedPreconditionError(
      absl::StrCat(entered.message(), ", yet seq ", chunk.seq, " is new; the writer is damaged"));
}

// A wait lasts at most until the chunk is not its writer's next any more, because a twin of it came
// on a newer stream.
absl::Status ReplayShard::AwaitPublished(const Chunk& chunk, const WaitLimit& limit) {
  const uint32_t version = NewestVersion(chunk);
  if (version <= published_.newest()) return absl::OkStatus();
  const Clock::Time came = options_.clock->Now();
  const auto blocked = [&](bool) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return version > published_.newest() && !published_.SpokenSince(came) && published_.told() &&
           state_.table.book().CheckSeq(chunk).ok();
  };
  const auto why = [] { return std::string("the learner does not speak"); };
  if (blocked(true)) {
    PMOE_RETURN_IF_ERROR(gate_.Await(
        &mu_, {Gate::kVersions, chunk.rows, "a newer policy is not known", blocked, why}, limit));
    PMOE_RETURN_IF_ERROR(CountDuplicate(state_.table.book().CheckSeq(chunk)));
  }
  if (version <= published_.newest()) return absl::OkStatus();
  return UnknownVersion(chunk, version, published_.newest());
}

absl::Status ReplayShard::AwaitTurn(const Chunk& chunk, const WaitLimit& limit) {
  const bool behind = gate_.limits_inserts() && gate_.AnybodyWaits(Gate::kInserts);
  if (!behind && !BlocksInsert(chunk)) return absl::OkStatus();
  const auto blocked = [&](bool first) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return (!first || BlocksInsert(chunk)) && state_.table.book().CheckSeq(chunk).ok();
  };
  const auto why = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return ExplainLocked(); };
  PMOE_RETURN_IF_ERROR(
      gate_.Await(&mu_, {Gate::kInserts, chunk.rows, "no room to insert", blocked, why}, limit));
  return CountDuplicate(state_.table.book().CheckSeq(chunk));
}

absl::Status ReplayShard::Refuse(const ChunkRefused& refused) {
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  PMOE_RETURN_IF_ERROR(CountDuplicate(RefuseLocked(refused)));
  ++refused_;
  WriteDown(EncodeRecord(refused));
  return absl::OkStatus();
}

absl::Status ReplayShard::RefuseLocked(const ChunkRefused& refused) {
  Chunk chunk;
  chunk.member = refused.member;
  chunk.actor = refused.actor;
  chunk.epoch = refused.epoch;
  chunk.seq = refused.seq;
  chunk.rows = refused.rows;
  PMOE_RETURN_IF_ERROR(state_.table.book().CheckSeq(chunk));
  state_.table.Refuse(chunk);
  return absl::OkStatus();
}

void ReplayShard::SetPublished(uint64_t version, bool now) {
  MutexLock lock(&mu_);
  now ? published_.Raise(version, options_.clock->Now()) : published_.Raise(version);
  gate_.Wake(Gate::kVersions);
}

absl::Status ReplayShard::Enter(const Chunk& chunk) {
  PMOE_RETURN_IF_ERROR(state_.table.Append(chunk));
  CountInsert(chunk);
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
  WriteDown(EncodeRecord(ActorCut{member, actor}));
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
  PMOE_RETURN_IF_ERROR(ValidateChunk(options_.spec, options_.rules, chunk));
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  const uint32_t version = NewestVersion(chunk);
  if (version > published_.newest() + (published_.told() ? kRoundsAhead : 0)) {
    return UnknownVersion(chunk, version, published_.newest());
  }
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
  const auto blocked = [&](bool)
                           ABSL_NO_THREAD_SAFETY_ANALYSIS { return !state_.stage.Complete(round); };
  const auto why = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return "waiting for " + state_.stage.Missing(round);
  };
  if (!blocked(true)) return absl::OkStatus();
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
  if (const Chunk* const chunk = state_.stage.FindNewer(round, published_.newest())) {
    return UnknownVersion(*chunk, NewestVersion(*chunk), published_.newest());
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

bool ReplayShard::BlocksSample(const SelectRequest& request, int64_t rows) const {
  return !gate_.MaySample(rows) || !state_.table.selector().CanSelect(request);
}

absl::Status ReplayShard::CheckBatch(const Minibatch& batch) const {
  const std::optional<RateLimiterOptions>& limiter = options_.gate.limiter;
  if (!limiter.has_value() || batch.rows() <= limiter->sample_max) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("limiter.sample_max is ", limiter->sample_max,
                                                 ", less than the batch of ", batch.rows(),
                                                 " rows; raise it, or ask for fewer"));
}

absl::Status ReplayShard::Sample(Minibatch* batch, const WaitLimit& limit, ShardCounts* counts) {
  PMOE_RETURN_IF_ERROR(CheckBatch(*batch));
  const SelectRequest request{.rows = batch->size()};
  const int64_t rows = batch->rows();
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  PMOE_RETURN_IF_ERROR(state_.damage);
  // Without a limiter there is nothing to wait for: in lockstep the rows are there, or never.
  if (gate_.limits_samples() && BlocksSample(request, rows)) {
    const auto blocked = [&](bool)
                             ABSL_NO_THREAD_SAFETY_ANALYSIS { return BlocksSample(request, rows); };
    const auto why = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return ExplainLocked(); };
    gate_.Wake(Gate::kInserts);  // it may be rows that are lacking
    PMOE_RETURN_IF_ERROR(gate_.Await(
        &mu_, {Gate::kSamples, rows, "nothing may be sampled", blocked, why, request.rows}, limit));
  }
  PMOE_RETURN_IF_ERROR(state_.table.Sample(&state_.rng, batch));
  const int64_t given = batch->given_rows();
  state_.sampled += given;
  gate_.OnSample(given);
  WakeBlocked();
  if (counts != nullptr) *counts = CountRows();
  return absl::OkStatus();
}

absl::Status ReplayShard::UpdatePriorities(absl::Span<const RowKey> rows,
                                           absl::Span<const float> errors) {
  if (!prioritized()) {
    return absl::FailedPreconditionError("this shard has no priorities; its rows are all alike");
  }
  const auto rows_max = static_cast<size_t>(options_.table.priority->update_rows_max);
  if (rows.size() != errors.size() || rows.size() > rows_max) {
    return Nonsense(kBadNumbers,
                    absl::StrCat("an update has ", errors.size(), " errors for ", rows.size(),
                                 " rows; a minibatch has at most ", rows_max));
  }
  for (const float error : errors) {
    if (error >= 0.0f && error <= PrioritizedSelector::kErrorMax) continue;
    return Nonsense(std::isfinite(error) ? kBadNumbers : kNotFinite,
                    absl::StrCat("an error of ", error, " in a row; it must be in [0, ",
                                 PrioritizedSelector::kErrorMax, "]"));
  }
  MutexLock lock(&mu_);
  PMOE_RETURN_IF_ERROR(gate_.cancelled());
  PMOE_RETURN_IF_ERROR(state_.damage);
  priorities_gone_ += state_.table.UpdatePriorities(rows, errors);
  return absl::OkStatus();
}

// Both sides.

// The waiting side is as a rule the same for the whole run, and many actors may wait: waking them
// for every minibatch only to let them sleep again would cost more than the minibatch.
void ReplayShard::WakeBlocked() {
  Selector* const selector = state_.table.mutable_selector();
  if (gate_.AnybodyWaits(Gate::kInserts) &&
      (gate_.MayInsert(gate_.LeastRows(Gate::kInserts)) || LacksRows()) && selector->RoomGrew()) {
    gate_.Wake(Gate::kInserts);
  }
  if (gate_.AnybodyWaits(Gate::kSamples) && gate_.MaySample(gate_.LeastRows(Gate::kSamples)) &&
      selector->MaySelect(gate_.LeastChosen(Gate::kSamples))) {
    gate_.Wake(Gate::kSamples);
  }
}

void ReplayShard::Cancel(absl::Status why) {
  PMOE_CHECK(!why.ok());
  MutexLock lock(&mu_);
  gate_.Cancel(std::move(why));
}

int64_t ReplayShard::size() const { return Counts().size; }

int64_t ReplayShard::inserted() const { return Counts().inserted; }

uint64_t ReplayShard::log_position() const {
  MutexLock lock(&mu_);
  return journal_ != nullptr ? journal_.load()->end() : log_position_;
}

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
          .loaded = table.loaded(),
          .sampled = state_.sampled,
          .bytes = table.bytes(),
          .next_round = state_.stage.next_round(),
          .newest_version = state_.newest_version,
          .duplicates = duplicates_,
          .rows_lost = table.book().rows_lost(),
          .refused = refused_,
          .priorities_gone = priorities_gone_,
          .rows_left_out = rows_left_out_,
          .inserts_blocked = gate_.Blocked(Gate::kInserts),
          .samples_blocked = gate_.Blocked(Gate::kSamples)};
}

}  // namespace pmoe
