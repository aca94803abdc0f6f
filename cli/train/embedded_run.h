// `pmoe train`: learner, replay and actors in one process. Puts the same classes together that a
// cluster runs one per process, with direct calls in the place of gRPC. Used by the main thread;
// owns a thread per actor and the evaluator's.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/actor.h"
#include "cli/train/embedded_demos.h"
#include "cli/train/embedded_status.h"
#include "cli/train/evaluation_thread.h"
#include "common/config/run_config.h"
#include "control/client/local_run_link.h"
#include "replay/client/direct_replay_client.h"
#include "replay/client/direct_writer.h"
#include "replay/core/replay_shard.h"
#include "replay/core/size_warnings.h"
#include "run/run_directory.h"
#include "run/run_parts.h"

namespace pmoe {

// Of the run's replay once it is full. `config` is resolved.
TableSize FullTable(const RunConfig& config, const EnvSpec& env);

class EmbeddedRun {
 public:
  // `config` is resolved. With `resume`, loads the directory's newest checkpoint. show_progress:
  // draws the progress line of the process.
  static absl::StatusOr<std::unique_ptr<EmbeddedRun>> Create(const RunConfig& config,
                                                             const RunDirectory* directory,
                                                             bool resume, bool show_progress);
  ~EmbeddedRun();

  // Trains to the last step, or until *interrupted, and leaves a checkpoint either way.
  absl::Status Train(const std::atomic<bool>& interrupted);
  // As it is now; any thread.
  RunStatus Status() const { return status_.Get(); }
  uint64_t env_steps() const { return run_->env_steps(); }
  uint64_t total_steps() const { return run_->total_steps(); }

 private:
  // One actor with everything it borrows.
  struct ActorSeat {
    std::unique_ptr<LocalRunClient> client;
    std::unique_ptr<ActorClock> time;
    std::unique_ptr<DirectTransitionWriter> writer;
    std::unique_ptr<Actor> actor;
    std::thread thread;
  };

  EmbeddedRun(const RunConfig& config, const RunDirectory* directory, bool show_progress);
  absl::Status Build(bool resume);
  absl::Status BuildReplay(const PolicySpec& policy, bool resume);
  absl::Status BuildActors(const PolicySpec& policy);
  absl::Status BuildEvaluator(const PolicySpec& policy);
  absl::Status BuildRun(bool resume);
  absl::Status RestoreNewestTables();
  absl::Status RestoreNewestOwn();
  ReplayClient* replay_client() {
    return demos_ == nullptr ? static_cast<ReplayClient*>(client_.get()) : demos_->client();
  }
  void ShowStatus(const RunView& view);
  bool lockstep() const { return IsLockstep(config_); }

  const RunConfig config_;
  const RunDirectory* const directory_;
  const bool show_progress_;
  uint64_t learner_epoch_ = 0;
  std::unique_ptr<Learner> learner_;
  std::unique_ptr<ReplayShard> replay_;
  std::unique_ptr<DirectReplayClient> client_;
  std::unique_ptr<EmbeddedDemos> demos_;  // null: none
  EmbeddedStatus status_;
  EvaluationBacklog backlog_;
  LocalRunLink link_;
  std::vector<ActorSeat> seats_;
  std::unique_ptr<EvaluationThread> evaluations_;
  std::unique_ptr<TrainingRun> run_;
};

}  // namespace pmoe
