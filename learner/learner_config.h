// From RunConfig to the learner's own options. Knows protobuf, hence not Torch.
#pragma once

#include "common/policy/policy_spec.h"
#include "learner/sac/sac_options.h"
#include "proto/config.pb.h"

namespace pmoe {

// `config` is resolved: every field is set.
SacOptions SacOptionsFromConfig(const RunConfig& config, int action_dim);
PolicySpec PolicySpecFromConfig(const RunConfig& config, int obs_dim,
                                const std::vector<double>& action_low,
                                const std::vector<double>& action_high);

}  // namespace pmoe
