// The training loop's view of itself as a RunStatus, for `pmoe status` and the dashboard. Free
// function.
#pragma once

#include "run/run_parts.h"
#include "proto/run.pb.h"

namespace pmoe {

// Counters, rates, lag, evaluation and limiter.
void FillStatus(const RunView& view, RunStatus* status);

}  // namespace pmoe
