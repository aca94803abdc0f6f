// One shard of replay: a table, the stage of lockstep rounds, the rate limiter and the random
// stream that draws minibatches. Thread-safe. Actors call Stage (lockstep) or Insert (async); the
// learner calls the rest.
//
//   lockstep, round n:  Stage(chunk) … from every actor → WaitStaged(n) → Commit(n) → Sample(batch)
//   …
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/rng.h"
#include "replay/core/chunk.h"
#include "replay/core/minibatch.h"
#include "replay/core/rate_limiter.h"
#include "replay/core/replay_table.h"
#include "replay/core/round_stage.h"

namespace pmoe {

struct ReplayShardOptions {
  TableSpec spec{};
  ReplayTableOptions table{};
  RoundStageOptions stage{};
  uint64_t seed = 1;                            // the run's
  uint32_t index = 0;                           // of this shard
  std::optional<RateLimiterOptions> limiter{};  // absent: off, as in lockstep

  absl::Status Validate() const;
};

class ReplayShard {
 public:
  static absl::StatusOr<std::unique_ptr<ReplayShard>> Create(const ReplayShardOptions& options);

  // Lockstep: holds the chunk until its round is committed. Never waits.
  absl::Status Stage(Chunk chunk) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until every actor has marked its last chunk of `round`; DeadlineExceededError names the
  // actors missing.
  absl::Status WaitStaged(uint64_t round, std::chrono::milliseconds timeout)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Enters the round's rows in (actor, env, step) order. After an error the table may hold part of
  // the round: the run must stop.
  absl::Status Commit(uint64_t round) ABSL_LOCKS_EXCLUDED(mu_);

  // Async: enters the chunk now, waiting while the limiter blocks inserts.
  absl::Status Insert(const Chunk& chunk, std::chrono::milliseconds timeout)
      ABSL_LOCKS_EXCLUDED(mu_);
  // An actor that is gone: its streams end where they are.
  void CutActor(uint32_t member, uint32_t actor) ABSL_LOCKS_EXCLUDED(mu_);

  // Fills the batch with rows drawn uniformly, with replacement. FailedPreconditionError while
  // there is none. With a limiter, waits while it blocks samples.
  absl::Status Sample(Minibatch* batch,
                      std::chrono::milliseconds timeout = std::chrono::seconds(60))
      ABSL_LOCKS_EXCLUDED(mu_);

  // Fails every wait now and every call to come with `why` (not OK): the end of a run. The first
  // one counts.
  void Cancel(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);

  int64_t size() const ABSL_LOCKS_EXCLUDED(mu_);         // transitions held
  int64_t inserted() const ABSL_LOCKS_EXCLUDED(mu_);     // transitions ever inserted: env_steps
  int64_t bytes() const ABSL_LOCKS_EXCLUDED(mu_);        // memory of the pages held
  uint64_t next_round() const ABSL_LOCKS_EXCLUDED(mu_);  // the one to be committed next
  std::string ExplainLimiter() const ABSL_LOCKS_EXCLUDED(mu_);
  const TableSpec& spec() const { return options_.spec; }

  // Everything that the next batch's bits depend on, streamed to `path` (tmp, fsync, rename) page
  // by page under the lock. A full disk is ResourceExhaustedError with the path.
  absl::Status Save(const std::string& path) const ABSL_LOCKS_EXCLUDED(mu_);
  // Replaces the contents. A truncated or changed file is DataLossError and changes nothing; one of
  // another column spec or n_step is FailedPreconditionError.
  absl::Status Load(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Clock = std::chrono::steady_clock;

  ReplayShard(const ReplayShardOptions& options, ReplayTable table);
  // False once `deadline` has passed. Callers loop on their predicate and on cancelled_.
  bool AwaitChange(Clock::time_point deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status LoadState(absl::string_view bytes, Rng* rng, RoundStage* stage,
                         std::optional<RateLimiter>* limiter) const;

  const ReplayShardOptions options_;
  mutable Mutex mu_;
  CondVar changed_;  // a chunk staged, rows inserted or sampled, or cancelled
  ReplayTable table_ ABSL_GUARDED_BY(mu_);
  RoundStage stage_ ABSL_GUARDED_BY(mu_);
  std::optional<RateLimiter> limiter_ ABSL_GUARDED_BY(mu_);
  Rng rng_ ABSL_GUARDED_BY(mu_);
  absl::Status cancelled_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
