// Where a run's learner is found and how the way there is protected, from what the user typed or
// from the run directory. Free functions.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/address.h"
#include "common/rpc/security.h"
#include "common/rpc/security_flags.h"

namespace pmoe {

struct LearnerTarget {
  RpcAddress address;
  RpcSecurity security;
};

// `flag` names what the address came from in errors.
absl::StatusOr<LearnerTarget> TargetAt(absl::string_view address, absl::string_view flag,
                                       const SecurityFlags& flags);
// The newest folder under runs/ that a cluster's learner has written to. NotFoundError: none.
absl::StatusOr<std::string> NewestClusterRun();
// The learner of the cluster that trains, or trained, in this run directory; `flags` that say
// nothing give way to those of `pmoe up`. NotFoundError: no cluster has.
absl::StatusOr<LearnerTarget> TargetOfRun(const std::string& run, SecurityFlags flags);

}  // namespace pmoe
