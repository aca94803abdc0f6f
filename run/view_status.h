// The training loop's view of itself as a RunStatus, for `pmoe status` and the dashboard. Free
// function.
#pragma once

#include "proto/run.pb.h"
#include "run/run_parts.h"

namespace pmoe {

// Counters, rates, lag, evaluation and limiter.
void FillStatus(const RunView& view, RunStatus* status);

}  // namespace pmoe
