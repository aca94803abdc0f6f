// Trains the runs of a sweep, some at a time, by `pmoe train` processes: begins what is new, goes
// on with what was stopped, leaves what has finished. Runs that begin side by side and differ in
// their seed alone share a process, which spares memory; everything else is as if each had its own.
// Used by one thread, which must live as long as the processes (they end with their parent).
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/sweep/sweep_process.h"
#include "cli/sweep/sweep_progress.h"
#include "common/base/clock.h"

namespace pmoe {

struct SweepRunnerOptions {
  std::string binary;              // pmoe-train
  int jobs = 1;                    // trainings at once
  bool retry = false;              // those that failed before too
  bool separate = false;           // a process per run
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
  // What one process shall train.
  using Batch = std::vector<int>;

  absl::Status StartSome();
  absl::StatusOr<Batch> TakeBatch(int free);
  absl::Status Start(const Batch& batch, int free);
  absl::Status StartGroup(const Batch& batch, int free);
  std::vector<std::string> Words(const SweepRun& run) const;
  // The same for all that one process can train, with the pattern of their directories.
  std::vector<std::string> FamilyWords(const SweepRun& run) const;
  std::vector<std::string> Command(std::vector<std::string> words) const;
  absl::Status ClearUnusable(const SweepRun& run) const;
  bool MayShare(const SweepRun& run) const;
  // Trainings at this time.
  int Trainings() const;

  // Those that have ended leave processes_. told: they were asked to.
  absl::Status Reap(bool told);
  absl::Status Hear(SweepProcess* process, bool told);
  absl::Status OnEnd(const SweepProcess& process, const ChildEnd& end, bool told);
  // The process of several runs has ended before they have: each gets one of its own.
  void Separate(const SweepProcess& process, const ChildEnd& end);
  void OnBegun(int index);
  // failure: empty where it has not failed.
  absl::Status OnRunEnd(int index, const std::string& failure);
  void StopAll();
  void Tick();
  const SweepRun& RunOf(int index) const { return plan_->runs[static_cast<size_t>(index)]; }
  SweepRow& RowOf(int index) { return rows_[static_cast<size_t>(index)]; }

  const SweepPlan* const plan_;
  const SweepRunnerOptions options_;
  std::vector<SweepRow> rows_;
  std::deque<int> queue_;
  std::list<SweepProcess> processes_;
  std::set<int> alone_;  // get a process of their own
  Clock::Time ticked_{};
};

// Holds the sweep's folder, so that two sweeps do not train the same runs. Released with the
// process.
absl::Status LockSweep(const SweepPlan& plan);

}  // namespace pmoe
