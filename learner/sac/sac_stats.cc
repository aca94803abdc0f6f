#include "learner/sac/sac_stats.h"

#include "learner/nets/mixture_stats.h"

namespace pmoe {

std::vector<std::string> SacStatNames(int primitives) {
  std::vector<std::string> names = {"critic_loss", "actor_loss", "router_loss",
                                    "alpha",       "entropy",    "q_mean"};
  const std::vector<std::string> mixture = MixtureStatNames(primitives);
  names.insert(names.end(), mixture.begin(), mixture.end());
  return names;
}

}  // namespace pmoe
