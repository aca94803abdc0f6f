// Which environment a run's policy acts in when it is looked at later: the run's own, or none. The
// task's files may have moved, changed or gone since. Free function.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/policy/policy_spec.h"
#include "proto/config.pb.h"

namespace pmoe {

struct SettleOptions {
  bool allow_other = false;
  bool may_use_copy = true;  // the one that the run keeps
};

// Makes the environment of *config once. Where that fails and the run keeps a copy of its task,
// *config becomes that copy, with a note on stderr. FailedPreconditionError: it is not what the run
// was made with, and that is not allowed, or the policy's sizes do not fit it.
absl::Status SettleEnv(const std::string& run, const PolicySpec& policy,
                       const SettleOptions& options, RunConfig* config);

}  // namespace pmoe
