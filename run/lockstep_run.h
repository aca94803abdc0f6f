// The clock of a lockstep run, over threads or over gRPC: rounds. A round is exactly
// steps_per_round env steps, then exactly updates_per_round updates on all data up to and including
// that round's. Lag 0: strictly one after the other. Lag 1: the steps of round n+1 run beside the
// updates of round n, with the weights left by round n-1. On-policy a round is a
// rollout and what is learned from it, at lag 0. Same configuration, threads and CPU
// family => the same bits in every weight, metric (times aside) and checkpoint. One thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "proto/config.pb.h"
#include "run/checkpoint.h"
#include "run/run_log.h"
#include "run/run_parts.h"

namespace pmoe {

class LockstepRun : public TrainingRun {
 public:
  // `config` is resolved; `parts` outlive the run. With `resume`, loads the directory's newest
  // whole checkpoint into all of them, actors included, which must be there to answer.
  static absl::StatusOr<std::unique_ptr<LockstepRun>> Create(const RunConfig& config,
                                                             const RunParts& parts, bool resume);

  absl::Status Train(const std::atomic<bool>& interrupted) override;
  uint64_t env_steps() const override { return committed_ * steps_per_round_; }
  uint64_t total_steps() const override { return rounds_ * steps_per_round_; }

 private:
  LockstepRun(const RunConfig& config, const RunParts& parts);
  absl::Status Build(bool resume);

  absl::Status Rounds(const std::atomic<bool>& interrupted);
  void StartSteps(uint64_t round, std::shared_ptr<const PolicySnapshot> snapshot);
  absl::Status FinishSteps(uint64_t round);
  absl::Status CommitRound(uint64_t round);
  absl::Status RunUpdates(uint64_t round, uint64_t acted, RoundCounters* counters);
  absl::Status Learn(uint64_t acted);
  absl::Status CloseRound(uint64_t round, RoundCounters counters);

  absl::Status Checkpoint();
  absl::Status WriteBarrier();
  absl::StatusOr<std::vector<std::string>> ActorParts();
  // For steps that failed: leaves a checkpoint of the barrier before them, if that can be. Gives
  // `why` with what became of it.
  absl::Status KeepBarrier(const absl::Status& why);
  // The newest snapshot, to those who hold rows' versions against it.
  void Announce();
  absl::Status Restore(LoadedCheckpoint loaded);

  RunConfig config_;
  RunParts parts_;
  uint64_t rounds_ = 0;
  uint64_t steps_per_round_ = 0;
  int64_t lessons_per_round_ = 0;  // minibatches; on-policy the one rollout
  std::unique_ptr<RunLog> log_;

  uint64_t committed_ = 0;  // rounds whose rows are in replay
  // Rounds whose updates are done; committed_ - lag at a barrier, but at the end.
  uint64_t updated_ = 0;
  std::shared_ptr<const PolicySnapshot> snapshot_;  // left by round updated_
  uint64_t acting_version_ = 0;                     // of the newest directive
  std::shared_ptr<const PolicySnapshot> acting_;    // its snapshot; after a resume only if lost
  std::vector<std::string> barrier_actors_;  // parts at round committed_; empty: they can be asked
  uint64_t checkpoint_steps_ = 0;            // of the newest checkpoint
};

}  // namespace pmoe
