// What to watch of a mixture while it trains: is anybody dead, do the primitives stay apart?
// Without gradient. M members, B batch, K primitives, A action_dim.
#pragma once

#include <string>
#include <vector>

#include "ATen/core/Tensor.h"
#include "learner/nets/policy_net.h"

namespace pmoe {

// "router_entropy", "primitive_distance", "loser_std", "dead_primitives", then "primitive_usage_k"
// and "primitive_win_rate_k" for each k (docs/metrics.md).
std::vector<std::string> MixtureStatNames(int primitives);

// In the order of MixtureStatNames, means over members and batch. best: [M, B] index of the best
// primitive; undefined where none has a score of its own (gating, MCP): NaN then.
at::Tensor MixtureStats(const MixtureHeads& heads, const at::Tensor& best);

}  // namespace pmoe
