// What `pmoe sweep` shows of its runs. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "cli/sweep/sweep_progress.h"
#include "cli/watch/live_screen.h"

namespace pmoe {

// "sweep pendulum: 2 of 6 finished, 2 running, 2 waiting; 3 min left".
std::string SweepSummary(const SweepPlan& plan, const std::vector<SweepRow>& rows);

// The summary, a head, a line per run; where the screen is too low, those that run or failed first.
std::vector<std::string> SweepTable(const SweepPlan& plan, const std::vector<SweepRow>& rows,
                                    const ScreenSize& screen);

// One run in a sentence, for output that is not drawn over: "finished sac-s1: 4,000 env steps, …".
std::string SweepEvent(const SweepRun& run, const SweepRow& row);

}  // namespace pmoe
