#include "learner/nets/critic_net.h"

#include "ATen/ops/cat.h"
#include "learner/nets/mlp.h"

namespace pmoe {

std::vector<DenseLayer> CriticLayers(int obs_dim, int action_dim, absl::Span<const int> hidden) {
  return MlpWithHead("q", obs_dim + action_dim, hidden, 1, Activation::kRelu);
}

at::Tensor CriticNet::Forward(const FlatParameters& parameters, const at::Tensor& obs,
                              const at::Tensor& action, bool train) const {
  const int64_t members = action.size(0), batch = action.size(1), samples = action.size(2);
  const int64_t copies = parameters.layout().copies();
  const at::Tensor states = obs.unsqueeze(2).expand({members, batch, samples, obs.size(2)});
  at::Tensor x = at::cat({states, action}, 3).view({members, 1, batch * samples, -1});
  x = x.expand({members, copies, batch * samples, x.size(3)})
          .reshape({members * copies, batch * samples, x.size(3)});
  return Mlp(parameters, layers_, x, train).view({members, copies, batch, samples});
}

}  // namespace pmoe
