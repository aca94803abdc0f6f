// What an update of the SAC family tells of itself.
#pragma once

#include <string>
#include <vector>

namespace pmoe {

// "critic_loss", "actor_loss", "router_loss", "alpha", "entropy", "q_mean", then MixtureStatNames.
std::vector<std::string> SacStatNames(int primitives);

// The first of them are losses, which must be finite.
inline constexpr int kSacLossStats = 3;

}  // namespace pmoe
