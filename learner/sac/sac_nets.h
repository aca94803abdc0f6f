// What an update of the SAC family changes: networks, targets, temperature and the optimisers of
// all. Both editions of the step work on it, so that a checkpoint of one resumes in the other.
// Thread-compatible. M members, C critics.
#pragma once

#include <optional>

#include "ATen/core/Tensor.h"
#include "learner/nets/flat_parameters.h"
#include "learner/nets/optimizer.h"
#include "learner/sac/sac_options.h"

namespace pmoe {

struct SacNets {
  // With PyTorch's default initialisation from Rng(seed, kInit, layer). `type`: float, or double
  // for tests.
  SacNets(const SacOptions& options, const PolicySpec& policy, const at::Device& device,
          at::ScalarType type = at::kFloat);

  void SaveState(ByteWriter* out) const;
  absl::Status LoadState(ByteReader* in);

  std::vector<DenseLayer> critic_layers;
  FlatParameters actor;
  FlatParameters critics;
  FlatParameters targets;                      // of the critics
  std::optional<FlatParameters> actor_target;  // only with options.target_policy
  Optimizer actor_optimizer;
  Optimizer critic_optimizer;
  at::Tensor log_alpha;  // [M]
  at::Tensor log_alpha_gradient;
  Optimizer alpha_optimizer;
};

// sum_j log((high_j - low_j) / 2), 0 for normalised log-probabilities.
double LogActionScale(const SacOptions& options, const PolicySpec& policy);

}  // namespace pmoe
