// How an episode begins, for collecting and for evaluating alike. Free function.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "common/base/rng.h"

namespace pmoe {

// Resets the environment with the stream's next seed and returns that seed. obs: [O] out. A start
// with a number beyond float32 is no start: the next seeds are tried, 100 in all, then
// FailedPreconditionError names the environment. A reset that failed by itself is given to
// `failed`, and the next seeds are tried 10 in all; without `failed` it is returned.
absl::StatusOr<uint32_t> StartEpisode(
    Env* env, Rng* seeds, absl::Span<double> obs,
    const std::function<void(const absl::Status& why)>& failed = nullptr);

}  // namespace pmoe
