// The actor's end of the control plane over gRPC: keeps the newest directive and snapshot that the
// learner has sent, and what the actor has to report. The follower's threads write, the actor's
// thread reads. Thread-safe.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "common/base/mutex.h"
#include "control/client/env_sender.h"
#include "control/client/run_follower.h"
#include "control/core/run_client.h"
#include "control/wire/snapshot_assembler.h"

namespace pmoe {

// What the actor has reported since the process began.
struct ActorTotals {
  uint64_t env_steps = 0;
  uint64_t episodes = 0;
  uint64_t diverged = 0;  // episodes
  EpisodeResult last_episode;
  uint64_t deadline_misses = 0;
  uint64_t rows_left_out = 0;
  uint64_t weights_version = 0;  // in use
};

class RpcRunClient : public RunClient, public FollowerHandler {
 public:
  // `interrupted`: this process shall end. `rates`: called for every report.
  RpcRunClient(const std::atomic<bool>* interrupted, std::function<ActorRates()> rates)
      : interrupted_(interrupted), rates_(std::move(rates)) {}
  // Before Follow.
  void SetEnv(EnvRecord env) { sender_.Set(std::move(env)); }
  // Asked to send a report soon.
  void SetReporter(std::function<void()> report_now) { report_now_ = std::move(report_now); }

  // RunClient.
  absl::StatusOr<Directive> NextDirective() override ABSL_LOCKS_EXCLUDED(mu_);
  bool HasDirective() override { return has_directive_ || Over(); }
  std::shared_ptr<const PolicySnapshot> LatestSnapshot() override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Report(ActorReport report) override ABSL_LOCKS_EXCLUDED(mu_);

  ActorTotals totals() const ABSL_LOCKS_EXCLUDED(mu_);
  // Where rows go; nullopt until the learner has said it. The newest.
  std::optional<TableAssignment> table() const ABSL_LOCKS_EXCLUDED(mu_);
  // The run is finished, this process shall end, the seat has changed, or no more orders can come:
  // stop what you do.
  bool Over() const { return finished_ || seat_changed_ || no_more_ || *interrupted_; }
  bool seat_changed() const { return seat_changed_; }
  bool finished() const { return finished_; }
  // After a new seat was taken.
  void ClearSeatChange() ABSL_LOCKS_EXCLUDED(mu_);
  void SetSeat(const Seat& seat) ABSL_LOCKS_EXCLUDED(mu_);

  // FollowerHandler.
  void OnRejoin(const JoinReply& reply) override ABSL_LOCKS_EXCLUDED(mu_);
  void FillFirst(FollowerMessage* message) override;
  void FillReport(FollowerMessage* message) override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status OnMessage(LearnerMessage message) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnOver() override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::Status OnSnapshot(const SnapshotPiece& piece);
  absl::Status OnDirective(const DirectiveMessage& message);

  const std::atomic<bool>* const interrupted_;
  const std::function<ActorRates()> rates_;
  std::function<void()> report_now_;
  EnvSender sender_;
  SnapshotAssembler assembler_;  // the reading thread's
  uint64_t learner_epoch_ = 0;   // the reading thread's
  std::atomic<bool> has_directive_{false};
  std::atomic<bool> finished_{false};
  std::atomic<bool> seat_changed_{false};
  std::atomic<bool> no_more_{false};

  mutable Mutex mu_;
  CondVar changed_;
  Seat seat_ ABSL_GUARDED_BY(mu_);
  std::optional<Directive> directive_ ABSL_GUARDED_BY(mu_);  // not yet taken
  std::optional<TableAssignment> table_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const PolicySnapshot> latest_ ABSL_GUARDED_BY(mu_);
  std::deque<ActorReport> reports_ ABSL_GUARDED_BY(mu_);  // not yet sent
  ActorTotals totals_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
