// Whole training runs of ours as children, measured from outside and by their metrics.csv. One
// thread at a time.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pmoe {

// Row of metrics.csv; empty cells are left out.
using CsvRow = std::map<std::string, double>;

// The last row of the metrics.csv at `path`; InternalError if it has none.
absl::StatusOr<CsvRow> LastMetrics(const std::string& path);

struct TrainingPlan {
  std::string command = "train";  // or "up"
  std::string algorithm{}, preset{};
  std::vector<std::string> words{};  // after --steps and --out
  std::vector<std::string> sets{};   // PATH=VALUE, the later wins
  int warm_steps = 0;                // env steps before the clock starts
  int steps = 0;                     // env steps on the clock
};

// What a run spent after its warm-up.
struct TrainingCost {
  double env_steps = 0.0, updates = 0.0;
  double wall_s = 0.0;
  double cpu_s = 0.0;  // of all its processes
  CsvRow first{}, last{};
};

// SAC with its usual settings, one update per env step; its warm-up is 1,000 uniform actions (SBX's
// learning_starts) and ends where the updates begin. `sets` come after its own.
TrainingPlan SacTraining(int steps, const std::vector<std::string>& sets);

// HalfCheetah-v5, no evaluation but the last. Two runs: one ends with the warm-up, the cost is what
// the other takes beyond it, so that starting and ending cancel out.
absl::StatusOr<TrainingCost> MeasureTraining(const TrainingPlan& plan);

// What the rounds of one training cost.
struct TrainingRates {
  // CPU time of all its processes per env step and per update; env steps on the clock. [rounds]
  std::vector<double> step_ms{}, update_ms{}, steps_per_s{};

  // One more round.
  absl::Status Measure(const TrainingPlan& plan);
};

}  // namespace pmoe
