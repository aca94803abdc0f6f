// A run keeps the task and model that it was made with, and goes on with no other unless told to.
// For `pmoe train` and `pmoe-learner` alike. Free functions.
#pragma once

#include "absl/status/status.h"
#include "proto/run.pb.h"
#include "run/run_directory.h"

namespace pmoe {

// Compares `now` with what the directory's run was made with, without writing anything. A run that
// is older than this record passes with a note. FailedPreconditionError: CheckSameEnv's.
absl::Status CheckRunEnv(const RunDirectory& directory, const EnvSpecMessage& now, bool allowed);

// Keeps what the run is made with from now on. Another task than before, which somebody allowed, is
// said on stderr and in log.txt; what was kept before moves to env.1, env.2, ….
absl::Status KeepRunEnv(const RunDirectory& directory, const EnvSpecMessage& now);

}  // namespace pmoe
