// The live state of an embedded run, for its dashboard. The loop's thread shows it now and then,
// any thread reads it. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/process_usage.h"
#include "common/base/stopwatch.h"
#include "control/core/control.h"
#include "control/wire/run_resources.h"
#include "control/wire/timing.h"
#include "control/wire/usage.h"
#include "proto/config.pb.h"
#include "proto/run.pb.h"
#include "replay/core/replay_shard.h"
#include "run/run_judge.h"
#include "run/run_parts.h"

namespace pmoe {

// What one actor of the run has done so far.
struct EmbeddedActor {
  uint64_t env_steps = 0;  // of this process
  ActorSeconds seconds;
};

class EmbeddedStatus {
 public:
  // alone: no other run shares the process, and what it uses is the run's.
  EmbeddedStatus(const RunConfig& config, const std::string& directory, bool alone);

  // Whether Show has something to do: half a second has passed.
  bool Due() const { return !shown_ || since_shown_.Elapsed() >= kEvery_s; }
  // Also tells the log what the run has used. The loop's thread only, as Due.
  void Show(const RunView& view, uint64_t total_steps, const ReplayShard& replay,
            const std::optional<ShardStats>& demos, const std::vector<EmbeddedActor>& actors)
      ABSL_LOCKS_EXCLUDED(mu_);
  RunStatus Get() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  static constexpr double kEvery_s = 0.5;
  void ShowActors(const std::vector<EmbeddedActor>& actors);
  void ShowReplay(const ReplayShard& replay, const std::optional<ShardStats>& demos);
  void ShowUse(RunMeter* meter);

  // The loop's thread.
  const bool alone_;
  const bool on_gpu_;
  RunStatus next_;
  bool shown_ = false;
  Stopwatch uptime_;
  Stopwatch since_shown_;
  std::vector<RecentRates> step_rates_;  // [actors]
  std::vector<ActorShares> shares_;      // [actors]
  RunResources resources_;
  ProcessMeter meter_;
  GpuMeter gpus_;
  RunJudge judge_;

  mutable Mutex mu_;
  RunStatus status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
