// What bench threshold says of one task: medians of each side's runs, ours over the best peer. A
// run that did not reach the threshold took longer than it lasted, so it counts as endless: a side
// whose median run is one has no time and no ratio. Thread-compatible values, pure functions.
#pragma once

#include <string>
#include <vector>

#include "tests/benchmark/report.h"
#include "tests/benchmark/threshold_runs.h"

namespace pmoe {

struct ThresholdSide {
  std::string name;
  bool ours = false;
  std::vector<ThresholdRun> runs{};  // [rounds]
};

struct ThresholdMedians {
  int reached = 0;  // runs
  // NaN: the median run did not reach it, so that the side has no such number.
  double env_steps = 0.0, wall_s = 0.0, cpu_s = 0.0, compile_s = 0.0;
  double best_return = 0.0;
  double lasted_s = 0.0;  // wall time of a run, whether it got there or not

  bool has_time() const;
};

ThresholdMedians MediansOf(const std::vector<ThresholdRun>& runs);

// Two tables, of all sides that have run and of ours over the best peer, with `mark` in their
// titles. Where no peer got there, a sentence says what that bounds. False, without tables: no side
// has run.
bool ReportThreshold(const ThresholdTask& task, const std::vector<ThresholdSide>& sides,
                     const std::string& mark, Report* report);

}  // namespace pmoe
