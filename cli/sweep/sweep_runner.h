// Trains the runs of a sweep, some at a time, each a `pmoe train` process of its own: begins what
// is new, goes on with what was stopped, leaves what has finished. Used by one thread, which must
// live as long as the children (they end with their parent).
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/sweep/sweep_progress.h"
#include "cli/up/child.h"
#include "common/base/clock.h"

namespace pmoe {

struct SweepRunnerOptions {
  std::string binary;              // pmoe-train
  int jobs = 1;                    // trainings at once
  bool retry = false;              // those that failed before too
  std::chrono::seconds grace{60};  // for a checkpoint, when the sweep is interrupted
  // A run has begun or ended.
  std::function<void(const SweepRun& run, const SweepRow& row)> on_event = [](const auto&...) {};
  // About once a second.
  std::function<void(const std::vector<SweepRow>& rows)> on_tick = [](const auto&...) {};
};

class SweepRunner {
 public:
  // The plan outlives the runner.
  SweepRunner(const SweepPlan* plan, SweepRunnerOptions options);

  // Until the chosen runs have ended or *interrupted: then each child writes its checkpoint. A
  // training that fails is no error; it shows in rows(). FailedPreconditionError: pmoe-train cannot
  // be started, or a folder cannot be written.
  absl::Status Run(const std::vector<int>& chosen, const std::atomic<bool>& interrupted);

  // In the plan's order, as they are now.
  const std::vector<SweepRow>& rows() const { return rows_; }

 private:
  void Enqueue(const std::vector<int>& chosen);
  absl::Status StartSome();
  absl::Status Start(int index);
  std::vector<std::string> Words(const SweepRun& run) const;
  absl::Status ClearUnusable(const SweepRun& run) const;
  // Those that have ended leave children_. told: they were asked to.
  absl::Status Reap(bool told);
  absl::Status OnEnd(int index, const ChildEnd& end, bool told);
  void StopAll();
  void Tick();

  const SweepPlan* const plan_;
  const SweepRunnerOptions options_;
  std::vector<SweepRow> rows_;
  std::deque<int> queue_;
  std::map<int, Child> children_;  // by index
  Clock::Time ticked_{};
};

// Holds the sweep's folder, so that two sweeps do not train the same runs. Released with the
// process.
absl::Status LockSweep(const SweepPlan& plan);

}  // namespace pmoe
