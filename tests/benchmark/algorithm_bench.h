// The second half of bench learner.
#pragma once

#include "absl/status/status.h"
#include "tests/benchmark/benchmarks.h"

namespace pmoe {

// Updates of every algorithm at K = 1, 4, 10 with its default networks and batch, on made-up rows
// of HalfCheetah's sizes, and where their time goes.
absl::Status BenchAlgorithms(const BenchFlags& flags, Report* report);

}  // namespace pmoe
