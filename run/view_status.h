// The training loop's view of itself as a RunStatus, for `pmoe status` and the dashboard. Free
// function.
#pragma once

#include "proto/run.pb.h"
#include "run/run_parts.h"

namespace pmoe {

// Counters, rates, where time went, latencies, lag, evaluation, limiter, cost. What is not known
// yet stays as it was.
void FillStatus(const RunView& view, RunStatus* status);

}  // namespace pmoe
