// Snapshots that wait to be evaluated, between the learner, which submits them and takes results,
// and whoever plays the episodes: a thread of this process or an evaluator elsewhere. A snapshot
// stays until its result is there, so an evaluator that dies costs only time. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "control/core/control.h"

namespace pmoe {

struct EvaluatedSnapshot {
  std::shared_ptr<const PolicySnapshot> snapshot;
  // None: a newer snapshot took its turn, or what the evaluator said of it made no sense.
  std::optional<Evaluation> evaluation;
};

class EvaluationBacklog {
 public:
  enum class Keep {
    kAll,     // lockstep: every snapshot is evaluated; Submit waits while two are under way
    kNewest,  // async: a snapshot that still waits gives way to a newer one
  };
  explicit EvaluationBacklog(Keep keep, Clock* clock = Clock::Real())
      : keep_(keep), clock_(clock), changed_(clock) {}

  // Learner's side. Once *interrupted, which outlives every call, nothing waits for an evaluator.
  void InterruptBy(const std::atomic<bool>* interrupted) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Submit(std::shared_ptr<const PolicySnapshot> snapshot) ABSL_LOCKS_EXCLUDED(mu_);
  // What has finished since the last call, after waiting up to `wait` for everything submitted.
  // DeadlineExceededError: not all of it came. CancelledError: interrupted while it waited; what
  // has finished is kept for the next call.
  absl::StatusOr<std::deque<EvaluatedSnapshot>> Take(std::chrono::seconds wait)
      ABSL_LOCKS_EXCLUDED(mu_);

  // What is not evaluated yet or was not taken yet (an evaluation may end at any time), oldest
  // first, and the same again after a restart.
  std::vector<std::shared_ptr<const PolicySnapshot>> Waiting() const ABSL_LOCKS_EXCLUDED(mu_);
  void Restore(std::vector<std::shared_ptr<const PolicySnapshot>> waiting) ABSL_LOCKS_EXCLUDED(mu_);

  // Evaluator's side. The snapshot to evaluate now, null if none comes within `wait`.
  std::shared_ptr<const PolicySnapshot> Next(std::chrono::milliseconds wait)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The result for what Next gave, nullopt: there will be none. One that no longer waits is
  // ignored.
  void Finish(const PolicySnapshot& snapshot, std::optional<Evaluation> evaluation)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Fails every call to come of the learner's.
  void Fail(absl::Status why) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  bool interrupted() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return interrupted_ != nullptr && *interrupted_;
  }

  const Keep keep_;
  Clock* const clock_;
  mutable Mutex mu_;
  CondVar changed_;
  std::deque<std::shared_ptr<const PolicySnapshot>> waiting_ ABSL_GUARDED_BY(mu_);
  bool front_taken_ ABSL_GUARDED_BY(mu_) = false;  // an evaluator has seen the front
  std::deque<EvaluatedSnapshot> finished_ ABSL_GUARDED_BY(mu_);
  const std::atomic<bool>* interrupted_ ABSL_GUARDED_BY(mu_) = nullptr;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
