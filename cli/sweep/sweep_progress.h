// How far the runs of a sweep are, read from their directories: whoever trains them, here or on
// another machine that shares the folder. Free functions.
#pragma once

#include <string>
#include <vector>

#include "cli/sweep/sweep_plan.h"

namespace pmoe {

enum class SweepState { kWaiting, kRunning, kStopped, kFailed, kFinished };

const char* SweepStateName(SweepState state);

// What a run's metrics.csv says.
struct RunProgress {
  double env_steps = 0.0, updates = 0.0;
  double seconds = 0.0;      // of training, over all its starts
  double steps_per_s = 0.0;  // lately
  std::vector<double> eval_returns;
};
RunProgress ReadRunProgress(const std::string& directory);

struct SweepRow {
  SweepState state = SweepState::kWaiting;
  double total_steps = 0.0;
  RunProgress progress;
  std::string failure;  // how it ended, in one line
};

// kFinished: its newest checkpoint has all steps. kStopped: it has begun. Never kRunning.
SweepRow ReadSweepRow(const SweepPlan& plan, const SweepRun& run);
std::vector<SweepRow> ReadSweepRows(const SweepPlan& plan);

// One line per run: its index, name, state, environment, algorithm, seed, the grid's other fields,
// env steps, updates, seconds, the last, best and mean evaluation return, the directory.
std::string SweepResultsCsv(const SweepPlan& plan, const std::vector<SweepRow>& rows);

}  // namespace pmoe
