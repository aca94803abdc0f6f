// The last part of bench learner.
#pragma once

#include "absl/status/status.h"
#include "tests/benchmark/benchmarks.h"

namespace pmoe {

// SAC's update on HalfCheetah's sizes beside SBX's and RLtools', all on the same core, then on the
// same two.
absl::Status BenchLearnerPeers(const BenchFlags& flags, Report* report);

}  // namespace pmoe
