// What a training loop borrows, whatever transport lies behind it, and the loop's own face.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "learner/learner.h"
#include "learner/run/actor_group.h"
#include "learner/run/evaluation_backlog.h"
#include "learner/run/run_directory.h"
#include "learner/run/run_log.h"
#include "proto/config.pb.h"
#include "replay/client/batch_sampler.h"
#include "replay/client/replay_control.h"
#include "replay/client/rollout_source.h"
#include "replay/core/selectors/fifo_selector.h"

namespace pmoe {

// The loop's state, shown now and then to whoever watches it.
struct RunView {
  uint64_t env_steps = 0;
  uint64_t updates = 0;
  uint64_t policy_version = 0;
  const RunLog* log = nullptr;
  std::string limiter;
};

struct RunParts {
  Learner* learner = nullptr;
  ReplayControl* replay = nullptr;
  BatchSampler* sampler = nullptr;    // null on-policy
  RolloutSource* rollouts = nullptr;  // on-policy only
  ActorGroup* actors = nullptr;
  EvaluationBacklog* evaluations = nullptr;
  const RunDirectory* directory = nullptr;
  // Called by the loop's thread every round or tenth of a second, outside all locks: a cluster
  // looks after its members here and shows the view. Null: nobody watches.
  std::function<absl::Status(const RunView&)> tick;
};

class TrainingRun {
 public:
  virtual ~TrainingRun() = default;
  // Trains to the last step, or until *interrupted, and leaves a checkpoint either way.
  virtual absl::Status Train(const std::atomic<bool>& interrupted) = 0;
  virtual uint64_t env_steps() const = 0;
  virtual uint64_t total_steps() const = 0;
};

// How replay keeps the rows of an on-policy run; nothing where rows are sampled.
std::optional<FifoOptions> FifoFromConfig(const RunConfig& config);

// The log of a run with this configuration. `resumed_steps`: later rows are dropped.
RunLogOptions LogOptions(const RunConfig& config, uint64_t total_steps, bool resumed,
                         uint64_t resumed_steps);

}  // namespace pmoe
