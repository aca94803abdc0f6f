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
#include "control/wire/usage.h"
#include "proto/config.pb.h"
#include "proto/run.pb.h"
#include "replay/core/replay_shard.h"
#include "run/run_parts.h"

namespace pmoe {

class EmbeddedStatus {
 public:
  EmbeddedStatus(const RunConfig& config, const std::string& directory);

  // Whether Show has something to do: half a second has passed.
  bool Due() const { return !shown_ || since_shown_.Elapsed() >= kEvery_s; }
  // `actor_steps`: env steps of each actor of this process. The loop's thread only, as Due.
  void Show(const RunView& view, uint64_t total_steps, const ReplayShard& replay,
            const std::optional<ShardStats>& demos, const std::vector<uint64_t>& actor_steps)
      ABSL_LOCKS_EXCLUDED(mu_);
  RunStatus Get() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  static constexpr double kEvery_s = 0.5;
  void ShowActors(const std::vector<uint64_t>& steps);
  void ShowReplay(const ReplayShard& replay, const std::optional<ShardStats>& demos);

  // The loop's thread.
  RunStatus next_;
  bool shown_ = false;
  Stopwatch uptime_;
  Stopwatch since_shown_;
  Stopwatch since_rates_;
  std::vector<uint64_t> rated_steps_;  // [actors], when rates were last taken
  ProcessMeter meter_;
  GpuMeter gpus_;

  mutable Mutex mu_;
  RunStatus status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
