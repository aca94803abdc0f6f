// Options of the SAC family, one struct for all: SAC is one primitive without a router; gating and
// MCP are SAC whose Gaussian their PolicySpec makes of K. Free of Torch and protobuf. Defaults:
// Table 6(a) of arXiv 2104.09122. What the paper leaves open is in docs/algorithms/pmoe_sac.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/policy/policy_spec.h"

namespace pmoe {

class Learner;

// How the policy learns which primitive is good.
enum class Estimator {
  kFrequency,  // PMOE: L_freq for the router, the best primitive's gradient (Eq. 10, 14)
  kMarginal,   // MRP: the router's expectation, exact (arXiv 2605.09157)
  kGumbel,     // Gumbel-softmax, through one Q of the combined action
  kReinforce,  // score function of one drawn primitive
};
enum class Baseline { kNone, kExpected };                // of kReinforce: 0, or sum_k w_k c_k
enum class PrimitiveBackprop { kMax, kAll };             // Eq. 14, Eq. 13
enum class BestBy { kQ, kSoftQ };                        // rank by Q or by Q - alpha log pi
enum class EntropyOf { kComponent, kMixture };           // whose log-probability
enum class RouterLoss { kBrier, kCrossEntropy, kNone };  // Eq. 11; same optimum; off
enum class Reduction { kSum, kMean };                    // over primitives
enum class TargetOver { kSample, kExpected };            // one router draw, or sum_k w_k

struct SacOptions {
  uint64_t seed = 1;
  int members = 1;  // M, a population trained at once; the distributed system uses 1
  int batch_size = 100;
  std::vector<int> critic_hidden = {256, 256};
  bool twin_critics = true;
  double actor_lr = 1e-3;
  double critic_lr = 1e-3;
  double adam_epsilon = 1e-8;
  bool sgd = false;  // momentum .9 instead of Adam
  double alpha = 0.2;
  bool tune_alpha = false;
  double alpha_lr = 3e-4;
  double target_entropy = 0.0;  // nats, used when alpha is tuned
  double tau = 0.005;
  bool router_detached = true;  // no gradient from the router into the trunk
  bool target_policy = false;
  TargetOver target = TargetOver::kSample;
  Estimator estimator = Estimator::kFrequency;
  double gumbel_tau = 1.0;      // temperature of kGumbel
  double gumbel_tau_end = 1.0;  // reached after gumbel_anneal_updates, linearly
  int64_t gumbel_anneal_updates = 0;
  bool gumbel_hard = true;  // one-hot forward, the soft weights' gradient (straight-through)
  Baseline reinforce_baseline = Baseline::kNone;
  PrimitiveBackprop primitive_backprop = PrimitiveBackprop::kMax;
  double loser_weight = 0.0;
  BestBy best_by = BestBy::kQ;
  EntropyOf entropy = EntropyOf::kComponent;
  RouterLoss router_loss = RouterLoss::kBrier;
  Reduction freq_reduction = Reduction::kSum;
  double freq_coef = 1.0;
  bool logprob_action_scale = false;
  std::string device = "cpu";
  int threads = 1;

  absl::Status Validate() const;
};

// Builds networks with PyTorch's default initialisation from Rng(seed, kInit, layer).
// FailedPreconditionError where the device does not exist.
absl::StatusOr<std::unique_ptr<Learner>> MakeSacLearner(const SacOptions& options,
                                                        const PolicySpec& policy);

}  // namespace pmoe
