// `pmoe-actor run`: an actor as a process of its own. Needs the learner's address only: the
// configuration comes from Join, the place of its rows from the first directive.
#pragma once

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "control/client/run_follower.h"

namespace pmoe {

struct ActorProcessOptions {
  RunFollowerOptions membership{};
  std::string metrics;    // host:port of /metrics; empty: none
  std::string audit_dir;  // empty: none; else a log of every row sent, for checks
};

// Until the run is finished or *interrupted (OK or CancelledError), or something fails. Rows that
// were written are sent and acknowledged before it returns, as far as a few seconds allow.
absl::Status RunActorProcess(const ActorProcessOptions& options,
                             const std::atomic<bool>& interrupted);

}  // namespace pmoe
