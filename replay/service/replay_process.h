// A replay shard as a process of its own: serves ReplayService, takes part in the learner's run,
// and leaves in order with its table saved. Needs the learner's address; the table comes from the
// learner's CreateTable.
#pragma once

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "common/rpc/address.h"
#include "control/client/run_follower.h"

namespace pmoe {

struct ReplayProcessOptions {
  RunFollowerOptions membership{};  // role and listen address are filled in
  RpcAddress listen{};
  RpcAddress advertise{};  // what the learner is told; without a host: what is listened on
  std::string dir;         // checkpoints: <dir>/<name>.table
  std::string metrics;     // host:port of /metrics; empty: none
};

// Until the run is finished or *interrupted (OK), or something fails; the table is saved in either
// case. Takes at most about 9 s from the interrupt to its return, for a table of a million rows.
absl::Status RunReplayProcess(const ReplayProcessOptions& options,
                              const std::atomic<bool>& interrupted);

}  // namespace pmoe
