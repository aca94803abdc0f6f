// `pmoe-actor run --evaluate`: plays whole episodes with the snapshots that the learner sends, one
// after the other, and reports what came out. One main thread; the follower's threads hand over.
#pragma once

#include <atomic>

#include "absl/status/status.h"
#include "actor/actor_process.h"

namespace pmoe {

// Until the run is finished or *interrupted (OK or CancelledError), or something fails.
absl::Status RunEvaluatorProcess(const ActorProcessOptions& options,
                                 const std::atomic<bool>& interrupted);

}  // namespace pmoe
