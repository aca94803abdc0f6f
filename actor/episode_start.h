// How an episode begins, for collecting and for evaluating alike. Free function.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "common/base/rng.h"

namespace pmoe {

// Resets the environment with the stream's next seed and returns that seed. obs: [O] out. A start
// with a number beyond float32 is no start: the next seeds are tried, 100 in all, then
// FailedPreconditionError names the environment.
absl::StatusOr<uint32_t> StartEpisode(Env* env, Rng* seeds, absl::Span<double> obs);

}  // namespace pmoe
