// The embedded run: learner, replay and actors in one process, in rounds. A round is exactly
// steps_per_round env steps, then exactly updates_per_round updates on all data up to and including
// that round's. Lag 0: strictly one after the other. Lag 1: the steps of round n+1 run beside the
// updates of round n, with the weights left by round n-1. Same configuration, threads and CPU
// family => the same bits in every weight, metric (times aside) and checkpoint.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/actor.h"
#include "cli/evaluation_thread.h"
#include "cli/local_run_link.h"
#include "cli/run_directory.h"
#include "cli/run_log.h"
#include "learner/learner.h"
#include "proto/config.pb.h"
#include "replay/client/direct_sampler.h"
#include "replay/client/direct_writer.h"
#include "replay/core/replay_shard.h"

namespace pmoe {

class LockstepRun {
 public:
  // `config` is resolved. With `resume`, loads the directory's newest checkpoint.
  static absl::StatusOr<std::unique_ptr<LockstepRun>> Create(const RunConfig& config,
                                                             const RunDirectory* directory,
                                                             bool resume);
  ~LockstepRun();

  // Trains to the last round, or until *interrupted, and leaves a checkpoint either way.
  absl::Status Train(const std::atomic<bool>& interrupted);

  uint64_t env_steps() const { return committed_ * steps_per_round_; }
  uint64_t total_steps() const { return rounds_ * steps_per_round_; }
  const RunLog& log() const { return *log_; }

 private:
  // One actor with everything it borrows.
  struct ActorSeat {
    std::unique_ptr<LocalRunClient> client;
    std::unique_ptr<DirectTransitionWriter> writer;
    std::unique_ptr<Actor> actor;
    std::thread thread;
  };

  explicit LockstepRun(const RunConfig& config, const RunDirectory* directory);
  absl::Status Build(bool resume);
  absl::Status BuildActors(const EnvSpec& env);
  absl::Status BuildLog(const EnvSpec& env, bool resume, uint64_t resumed_steps);
  void StartThreads();
  void StopThreads();

  absl::Status Rounds(const std::atomic<bool>& interrupted);
  void StartSteps(uint64_t round);
  absl::Status FinishSteps(uint64_t round);
  absl::Status RunUpdates(uint64_t round, RoundCounters* counters);
  absl::Status CloseRound(uint64_t round, RoundCounters counters);

  absl::Status Checkpoint();
  absl::Status Restore(uint64_t env_steps);

  RunConfig config_;
  const RunDirectory* directory_;
  uint64_t rounds_ = 0;
  uint64_t steps_per_round_ = 0;
  uint64_t updates_per_round_ = 0;

  std::unique_ptr<Learner> learner_;
  std::unique_ptr<ReplayShard> replay_;
  std::unique_ptr<DirectBatchSampler> sampler_;
  LocalRunLink link_;
  std::vector<ActorSeat> seats_;
  std::unique_ptr<EvaluationThread> evaluations_;
  std::unique_ptr<RunLog> log_;

  uint64_t committed_ = 0;  // rounds whose rows are in replay
  uint64_t updated_ =
      0;  // rounds whose updates are done; committed_ - lag at a barrier, but at the end
  std::shared_ptr<const PolicySnapshot> snapshot_;  // left by round updated_
  uint64_t acting_version_ = 0;                     // of the newest directive
  uint64_t checkpoint_steps_ = 0;                   // of the newest checkpoint
};

}  // namespace pmoe
