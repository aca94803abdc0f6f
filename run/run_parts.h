// What a training loop borrows, whatever transport lies behind it, and the loop's own face.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "control/core/actor_group.h"
#include "control/core/evaluation_backlog.h"
#include "replay/client/replay_client.h"
#include "run/learner.h"
#include "run/run_directory.h"
#include "run/run_log.h"

namespace pmoe {

// The loop's state, shown now and then to whoever watches it.
struct RunView {
  uint64_t env_steps = 0;
  uint64_t updates = 0;
  uint64_t policy_version = 0;
  RunLog* log = nullptr;
  std::string limiter;
};

struct RunParts {
  Learner* learner = nullptr;
  ReplayClient* replay = nullptr;
  ActorGroup* actors = nullptr;
  EvaluationBacklog* evaluations = nullptr;
  const RunDirectory* directory = nullptr;
  // Called by the loop's thread every round or tenth of a second, outside all locks: a cluster
  // looks after its members here and shows the view. Null: nobody watches.
  std::function<absl::Status(const RunView&)> tick;
  uint64_t learner_epoch = 0;  // this life's, RunDirectory::NextLearnerEpoch
  bool show_progress = true;   // false: one of several runs of a process, which shows them all
};

class TrainingRun {
 public:
  virtual ~TrainingRun() = default;
  // Trains to the last step, or until *interrupted, and leaves a checkpoint either way.
  virtual absl::Status Train(const std::atomic<bool>& interrupted) = 0;
  virtual uint64_t env_steps() const = 0;
  virtual uint64_t total_steps() const = 0;
};

}  // namespace pmoe
