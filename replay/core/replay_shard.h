// One shard of replay: a table, the stage of lockstep rounds, the gate where both sides wait, and
// the random stream that draws minibatches, behind one mutex.
// tidy: long because one mutex guards it all. Thread-safe. Actors call Stage (lockstep) or Insert
// (async); the learner calls the rest.
//
//   lockstep, round n:  Stage(chunk) … from every actor → WaitStaged(n) → Commit(n) → Sample(batch)
//   async:              ResumeInsert(hello) → Insert(chunk) …, beside Sample(batch) …
//   on-policy (table.fifo): TakeRollout(request) where the others call Sample
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "replay/core/block_file.h"
#include "replay/core/chunk.h"
#include "replay/core/gate.h"
#include "replay/core/journal.h"
#include "replay/core/journal_record.h"
#include "replay/core/minibatch.h"
#include "replay/core/published_versions.h"
#include "replay/core/replay_table.h"
#include "replay/core/rollout.h"
#include "replay/core/shard_state.h"
#include "replay/core/shard_types.h"
#include "replay/core/table_history.h"

namespace pmoe {

class ReplayShard {
 public:
  static absl::StatusOr<std::unique_ptr<ReplayShard>> Create(const ReplayShardOptions& options);

  // A writer comes, or comes back: the seq that it must send next, as RoundStage and StreamBook
  // have it. A newer epoch ends the streams of the older one.
  absl::StatusOr<uint64_t> ResumeStage(const WriterHello& hello) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<uint64_t> ResumeInsert(const WriterHello& hello) ABSL_LOCKS_EXCLUDED(mu_);
  // Whether a later life of the actor than `epoch` has come.
  bool IsSuperseded(uint32_t member, uint32_t actor, uint32_t epoch) const ABSL_LOCKS_EXCLUDED(mu_);

  // Lockstep: holds the chunk until its round is committed. Never waits. AlreadyExistsError: it
  // came before, and is dropped and counted.
  absl::Status Stage(Chunk chunk) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until every actor has marked its last chunk of `round`; DeadlineExceededError names the
  // actors missing.
  absl::Status WaitStaged(uint64_t round, const WaitLimit& limit) ABSL_LOCKS_EXCLUDED(mu_);
  // Enters the round's rows in (actor, env, step) order. After an error the table may hold part of
  // the round: until a Load every Commit, Sample, TakeRollout and Save fails with it.
  absl::Status Commit(uint64_t round) ABSL_LOCKS_EXCLUDED(mu_);

  // Async: enters the chunk now, waiting its turn while the limiter or the bound blocks inserts.
  // AlreadyExistsError: it came before, and is dropped and counted. FailedPreconditionError: of an
  // older epoch, or not the writer's next. Nonsense: Refuse it, and its writer can go on.
  absl::Status Insert(const Chunk& chunk, const WaitLimit& limit) ABSL_LOCKS_EXCLUDED(mu_);
  // Async, rows of a file: they enter now, whatever limits inserts, and count neither there nor in
  // inserted(), which is env steps. They are of StreamBook::kLoader, and go on where its last rows
  // ended unless CutActor came between. The chunk's own numbers are not looked at; Nonsense: it
  // cannot be a row, or is of a policy.
  absl::Status InsertLoaded(Chunk chunk) ABSL_LOCKS_EXCLUDED(mu_);
  // Drops the writer's next chunk, which counts as one that came. Errors as Insert's.
  absl::Status Refuse(const ChunkRefused& refused) ABSL_LOCKS_EXCLUDED(mu_);
  // With granted_inserts: inserts wait while the transitions ever inserted would exceed `bound`. It
  // begins at 0.
  void SetInsertBound(int64_t bound) ABSL_LOCKS_EXCLUDED(mu_);
  // An actor's life that is gone: its streams end where they are. Nothing once a newer one has
  // come.
  void CutActor(uint32_t member, uint32_t actor, uint32_t epoch) ABSL_LOCKS_EXCLUDED(mu_);

  // Fills the batch, with rows or with sequences. FailedPreconditionError while there are no rows
  // for it. With a limiter, waits while it blocks samples or they are lacking; then it holds no
  // insert back. Of sequences it lets one be drawn where every row of the batch would fit, and
  // counts the rows that were given. *counts, if given, is the shard's right after.
  absl::Status Sample(Minibatch* batch, const WaitLimit& limit = std::chrono::seconds(60),
                      ShardCounts* counts = nullptr) ABSL_LOCKS_EXCLUDED(mu_);

  // With priorities: the errors that a learner found in rows which Sample gave, not negative. Rows
  // that are gone are counted and left out. Nonsense, which changes nothing: not as many errors as
  // rows, or more than a minibatch has; an error that is none.
  absl::Status UpdatePriorities(absl::Span<const RowKey> rows, absl::Span<const float> errors)
      ABSL_LOCKS_EXCLUDED(mu_);

  // On-policy: waits until all rows of the rollout are here (FifoSelector) and takes them.
  absl::Status TakeRollout(const RolloutRequest& request, Rollout* out, const WaitLimit& limit)
      ABSL_LOCKS_EXCLUDED(mu_);
  // For answers that may get lost: the same ticket gets the same rollout again, until a higher one
  // has got its own. FailedPreconditionError: a higher one has, or waits.
  absl::StatusOr<std::shared_ptr<const Rollout>> TakeRollout(const RolloutTicket& ticket,
                                                             const RolloutRequest& request,
                                                             const WaitLimit& limit)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Fails every wait now and every call to come with `why` (not OK): the end of a run. The first
  // one counts.
  void Cancel(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);

  int64_t size() const ABSL_LOCKS_EXCLUDED(mu_);         // transitions held
  int64_t inserted() const ABSL_LOCKS_EXCLUDED(mu_);     // transitions ever inserted: env_steps
  uint64_t next_round() const ABSL_LOCKS_EXCLUDED(mu_);  // the one to be committed next
  // Size, inserted and what can be given, at one moment.
  ShardCounts Counts() const ABSL_LOCKS_EXCLUDED(mu_);
  ShardStats Stats() const ABSL_LOCKS_EXCLUDED(mu_);
  // Which side waits, and for what, with today's numbers, for people.
  std::string Explain() const ABSL_LOCKS_EXCLUDED(mu_);
  // The learner's newest policy (PublishedVersions). `now`: said just now, and not a while ago.
  void SetPublished(uint64_t version, bool now) ABSL_LOCKS_EXCLUDED(mu_);
  // Changes the limiter of an async shard, from now on, and says what holds then; `who` does it,
  // for people. It lasts until the table is loaded or cleared, or ResetLimiter.
  // InvalidArgumentError, which changes nothing: neither side would ever move.
  // FailedPreconditionError: there is none.
  absl::StatusOr<LimiterState> SetLimiter(const LimiterChange& change, absl::string_view who)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The settings that the shard was made with hold again.
  void ResetLimiter() ABSL_LOCKS_EXCLUDED(mu_);
  // Why Commit left half a round in the table; OK if it did not.
  absl::Status damage() const ABSL_LOCKS_EXCLUDED(mu_);
  const TableSpec& spec() const { return options_.spec; }
  std::vector<SavedSetting> settings() const { return SettingsOf(options_); }
  int64_t capacity() const { return options_.table.capacity; }  // transitions, off-policy
  bool gives_rollouts() const { return options_.table.fifo.has_value(); }
  bool prioritized() const { return options_.table.priority.has_value(); }

  // Everything that the next batch's bits depend on, as it is now, streamed to `path` (tmp, fsync,
  // rename); the lock is held for a few pages at a time (and once to copy the
  // priorities, 4 bytes a row), so that others go on. `number` counts the
  // saves of tables that are restored as the newest; 0: the file says nothing of the kind
  // (TableHistory). A full disk is ResourceExhaustedError with the path. `stop` is asked every few
  // pages: true ends it as CancelledError, and the file is not there.
  absl::Status Save(const std::string& path, uint64_t number = 0,
                    const std::function<bool()>& stop = nullptr) const
      ABSL_LOCKS_EXCLUDED(files_mu_, mu_);
  // Replaces the contents. A truncated or changed file is DataLossError and changes nothing; one of
  // another column spec or n_step is FailedPreconditionError. Other settings are this shard's, not
  // the file's. Nonsense is left out and logged. *history, if given, is the file's.
  absl::Status Load(const std::string& path, TableHistory* history = nullptr)
      ABSL_LOCKS_EXCLUDED(files_mu_, mu_);

  // An empty table, as Create made it. Before the journal.
  absl::Status Clear() ABSL_LOCKS_EXCLUDED(mu_);

  // Async: from now on every change is written down, so that Load and Apply make the shard again
  // after a kill. Before the first writer comes; `journal` must outlive the shard. begins: nothing
  // was loaded or applied, the table is new; else it goes on where the last Apply ended.
  void StartJournal(Journal* journal, bool begins) ABSL_LOCKS_EXCLUDED(mu_);
  // The record at `position` of such a journal, after those before it. Nonsense is left out as by
  // Load, and its stream goes on behind it. DataLossError or another: it does not fit the rows that
  // are here, and nothing behind it can.
  absl::Status Apply(absl::string_view record, uint64_t position) ABSL_LOCKS_EXCLUDED(mu_);
  // Of the first record that is not in the rows held.
  uint64_t log_position() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  ReplayShard(const ReplayShardOptions& options, ReplayTable table);
  ShardState NewState(ReplayTable table) const;
  absl::Status ClearLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckBatch(const Minibatch& batch) const;
  bool BlocksInsert(const Chunk& chunk) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // `rows`: that the limiter counts, where it is more than the request says.
  bool BlocksSample(const SelectRequest& request, int64_t rows) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Does a sample wait that only lacks rows?
  bool LacksRows() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // `answered`: is the rollout there already, for another call with the same ticket?
  absl::Status AwaitRollout(const RolloutRequest& request, const WaitLimit& limit,
                            absl::FunctionRef<bool()> answered) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AwaitTicket(const RolloutTicket& ticket, const RolloutRequest& request,
                           const WaitLimit& limit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Enter(const Chunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status ValidateActors(const Chunk& chunk) const;
  void CountInsert(const Chunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status InsertLocked(const Chunk& chunk, const WaitLimit& limit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AwaitPublished(const Chunk& chunk, const WaitLimit& limit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AwaitTurn(const Chunk& chunk, const WaitLimit& limit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RefuseLocked(const ChunkRefused& refused) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CountTaken(int64_t rows) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropOlder(uint32_t version_min) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WriteDown(std::string record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  struct Applier;  // an overload for each kind of record
  absl::Status CountDuplicate(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WakeBlocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WakeBoth() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string ExplainLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  ShardCounts CountRows() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  struct Saved;  // the shard at one moment, but for its pages
  Saved BeginSave(uint64_t number) const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Write(const Saved& saved, const std::function<bool()>& stop,
                     BlockFileWriter* out) const ABSL_LOCKS_EXCLUDED(mu_);
  std::string SaveState() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string SaveHistory(uint64_t number) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static absl::Status SaveRollout(const Saved& saved, BlockFileWriter* out);
  absl::Status LoadState(absl::string_view bytes, ShardState* state, Gate* gate,
                         StreamBook* book) const;
  // Of a file and of the log.
  RowRules Rules() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadRollout(BlockFileReader::Block block, BlockFileReader* in,
                           ShardState* state) const;

  const ReplayShardOptions options_;
  mutable Mutex files_mu_ ABSL_ACQUIRED_BEFORE(mu_);  // one Save or Load at a time
  mutable Mutex mu_;
  Gate gate_ ABSL_GUARDED_BY(mu_);
  ShardState state_ ABSL_GUARDED_BY(mu_);
  PublishedVersions published_ ABSL_GUARDED_BY(mu_);
  int64_t duplicates_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t rows_left_out_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t refused_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t priorities_gone_ ABSL_GUARDED_BY(mu_) = 0;
  SelectRequest awaited_ ABSL_GUARDED_BY(mu_);         // by the newest take
  RolloutTicket awaited_ticket_ ABSL_GUARDED_BY(mu_);  // the highest of the takes that wait
  int takes_waiting_ ABSL_GUARDED_BY(mu_) = 0;
  std::atomic<Journal*> journal_{nullptr};            // null: none
  uint64_t log_position_ ABSL_GUARDED_BY(mu_) = 0;    // as loaded and applied
  int64_t sampled_written_ ABSL_GUARDED_BY(mu_) = 0;  // as the journal knows
  uint32_t dropped_below_ ABSL_GUARDED_BY(mu_) = 0;   // version, as the journal knows
};

}  // namespace pmoe
