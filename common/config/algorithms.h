// What the configuration must know of each algorithm's name: its family, and what is its own. Pure
// functions.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace pmoe {

// PPO's: ppo, …_ppo, dac. They learn from whole rollouts, once; the others from replay.
bool IsOnPolicy(absl::string_view algorithm);

// Has it more than one primitive? Not sac, ppo.
bool IsMixture(absl::string_view algorithm);

// K of the paper for the algorithm and task (Figs 1, 2); MCP has 8, DAC 4 options; 1 for sac and
// ppo.
int32_t DefaultPrimitives(absl::string_view algorithm, absl::string_view env_id);

// Units of the hidden layers that the algorithm's own paper gives it.
struct HiddenUnits {
  std::vector<int32_t> trunk, primitive, router, critic;
};
HiddenUnits DefaultHidden(absl::string_view algorithm);

}  // namespace pmoe
