// Options of the SAC family, one struct for all: SAC is one primitive without a router; gating and
// MCP are SAC whose Gaussian their PolicySpec makes of K. Free of Torch and protobuf. What the
// paper leaves open is in docs/algorithms/pmoe_sac.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/algorithms.h"
#include "common/config/critic_choices.h"
#include "common/config/learner_choices.h"
#include "common/policy/policy_spec.h"
#include "learner/nets/head_tie.h"

namespace pmoe {

class Learner;

// Defaults and ranges are the schema's (proto/config.proto): SacOptionsFromConfig fills everything
// but `members`. What the algorithm does not read has the schema's default.
struct SacOptions {
  uint64_t seed = 0;
  int members = 1;  // M, a population trained at once; the distributed system uses 1
  int batch_size = 0;
  std::vector<int> critic_hidden;
  bool twin_critics = false;
  int quantiles = 0;          // that each critic predicts; 0: the mean return
  int dropped_quantiles = 0;  // of the target's, the largest, for each critic
  int quantile_critics = 0;   // where there are quantiles, in the place of twin_critics
  CriticNorm critic_norm{};
  double actor_lr = 0.0;
  double critic_lr = 0.0;
  double adam_epsilon = 0.0;
  bool sgd = false;  // momentum .9 instead of Adam
  double alpha = 0.0;
  bool tune_alpha = false;
  double alpha_lr = 0.0;
  double target_entropy = 0.0;  // nats, used when alpha is tuned
  double tau = 0.0;
  bool router_detached = false;  // no gradient from the router into the trunk
  bool target_policy = false;
  HeadTie tie;  // what the K primitives' heads have in common
  TargetOver target{};
  Estimator estimator{};
  double gumbel_tau = 0.0;      // temperature of kGumbel
  double gumbel_tau_end = 0.0;  // reached after gumbel_anneal_updates, linearly
  int64_t gumbel_anneal_updates = 0;
  bool gumbel_hard = false;  // one-hot forward, the soft weights' gradient (straight-through)
  Baseline reinforce_baseline{};
  PrimitiveBackprop primitive_backprop{};
  double loser_weight = 0.0;
  BestBy best_by{};
  EntropyOf entropy{};
  RouterLoss router_loss{};
  Reduction freq_reduction{};
  double freq_coef = 0.0;
  bool logprob_action_scale = false;
  std::string device;
  UpdateStep step{};
  int threads = 0;

  bool layer_norm() const { return critic_norm == CriticNorm::kLayer; }
  int critics() const { return quantiles > 0 ? quantile_critics : twin_critics ? 2 : 1; }  // C
  int critic_outputs() const { return quantiles > 0 ? quantiles : 1; }                     // Z
  // Of one draw's target distribution.
  int target_atoms() const { return critics() * (quantiles - dropped_quantiles); }

  // InvalidArgument for options that nobody filled; ranges were checked in the configuration.
  absl::Status Validate() const;
};

// Builds networks with PyTorch's default initialisation from Rng(seed, kInit, layer).
// FailedPreconditionError where the device does not exist.
absl::StatusOr<std::unique_ptr<Learner>> MakeSacLearner(const SacOptions& options,
                                                        const PolicySpec& policy);

}  // namespace pmoe
