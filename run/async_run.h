// An async run: actors never wait for the learner but through the rate limiter, the learner never
// waits for actors but for data. Env steps are the transitions that replay has counted; members
// come and go; a restarted learner goes on from its newest checkpoint with versions above all that
// were seen. One thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/stopwatch.h"
#include "proto/config.pb.h"
#include "run/checkpoint.h"
#include "run/run_log.h"
#include "run/run_parts.h"

namespace pmoe {

class AsyncRun : public TrainingRun {
 public:
  // `config` is resolved; `parts` outlive the run, and its replay holds its table already. With
  // `resume`, goes on from the directory's newest whole checkpoint, or anew where there is none
  // yet.
  static absl::StatusOr<std::unique_ptr<AsyncRun>> Create(const RunConfig& config,
                                                          const RunParts& parts, bool resume);

  absl::Status Train(const std::atomic<bool>& interrupted) override;
  uint64_t env_steps() const override { return env_steps_; }
  uint64_t total_steps() const override;

 private:
  AsyncRun(const RunConfig& config, const RunParts& parts) : config_(config), parts_(parts) {}
  absl::Status Build(bool resume);
  absl::Status Restore(const LoadedCheckpoint& loaded);
  std::vector<std::string> TablesToKeep() const;

  absl::Status Broken(absl::Status* turn);
  absl::Status Turn();
  absl::Status Learn();
  absl::Status UpdatePriorities();
  void PublishSnapshot();
  void PublishDirective();
  absl::Status Tick();
  absl::Status CountEnvSteps();
  absl::Status Record();
  absl::Status Checkpoint(bool with_replay);
  absl::Status Finish();
  bool Uniform() const;

  const RunConfig config_;
  const RunParts parts_;
  std::unique_ptr<RunLog> log_;
  std::shared_ptr<const PolicySnapshot> snapshot_;  // newest published
  RoundCounters counters_;

  uint64_t env_steps_ = 0;
  uint64_t env_steps_offset_ = 0;  // counted before, by a replay that has lost rows since
  int64_t replay_size_ = 0;
  std::string limiter_;  // who waits, in replay's words
  bool act_uniform_ = false;
  uint64_t evaluated_steps_ = 0;   // when the last evaluation was due
  uint64_t checkpoint_steps_ = 0;  // of the newest checkpoint with replay
  Stopwatch since_checkpoint_;
  Stopwatch since_tick_;
};

}  // namespace pmoe
