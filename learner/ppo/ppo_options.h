// Options of the PPO family, one struct for all: PPO is one Gaussian; gating and MCP are PPO whose
// Gaussian their PolicySpec makes of K. Free of Torch and protobuf. Defaults: Table 6(b) of arXiv
// 2104.09122; docs/algorithms/ppo.md and pmoe_ppo.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/policy/policy_spec.h"

namespace pmoe {

class Learner;

// Probability of a row's action in the ratio.
enum class RatioOf {
  kDensity,    // log pi(a): the one Gaussian's, or the whole mixture's
  kJoint,      // log w_k + log N_k(a) of the component that acted
  kComponent,  // log N_k(a)
  kGumbel,     // log sum_k y_k N_k(a), y a posterior Gumbel-softmax draw
};
enum class RouterGrad { kBoth, kFrequency };  // of the surrogate and L_freq
enum class AdvantageNorm { kNone, kRollout, kMinibatch };
enum class RewardNorm { kNone, kReturnStd, kDiscountedStd };
enum class ValueNet { kSeparate, kTrunk };
enum class WeightInit { kFanIn, kOrthogonal };

struct PpoOptions {
  uint64_t seed = 1;
  int64_t rollout_steps = 2048;
  int batch_size = 64;
  int epochs = 10;
  double learning_rate = 3e-4;
  double qnet_learning_rate = 3e-4;
  bool linear_schedule = false;  // step sizes go to 0 over total_rollouts
  int64_t total_rollouts = 1;
  double adam_epsilon = 1e-8;
  bool sgd = false;  // momentum .9 instead of Adam
  double gamma = 0.99;
  double gae_lambda = 0.95;
  double clip = 0.2;
  double value_coef = 0.5;
  bool value_clip = false;
  double entropy_coef = 0.0;
  double grad_norm_max = 0.5;  // of policy and value together, and of the Q-network; 0: no limit
  AdvantageNorm advantage_norm = AdvantageNorm::kRollout;
  bool recompute_advantage = false;
  RewardNorm reward_norm = RewardNorm::kNone;
  bool behavior_log_prob = false;  // async: the old log-probability is the actor's, not recomputed

  ValueNet value_net = ValueNet::kSeparate;
  std::vector<int> value_hidden = {64, 64};
  Activation value_activation = Activation::kTanh;
  WeightInit init = WeightInit::kOrthogonal;
  double hidden_gain = 1.4142135623730951;
  double head_gain = 0.01;  // of the policy's last layers
  double value_gain = 1.0;  // of the value's
  double log_std_init = 0.0;

  RatioOf ratio = RatioOf::kDensity;
  bool router_detached = false;
  // PMOE: the router learns how often each primitive is best by a Q-network on the returns.
  bool frequency_loss = false;
  RouterGrad router_grad = RouterGrad::kBoth;
  double freq_coef = 1.0;
  bool freq_mean = false;  // over primitives, instead of the sum
  bool freq_cross_entropy = false;
  std::vector<int> qnet_hidden = {64, 64, 64};
  bool qnet_reads_trunk = false;
  double gumbel_tau = 1.0;
  double gumbel_tau_end = 1.0;
  bool dac_compat = false;

  std::string device = "cpu";
  int threads = 1;

  absl::Status Validate() const;
};

absl::StatusOr<std::unique_ptr<Learner>> MakePpoLearner(const PpoOptions& options,
                                                        const PolicySpec& policy);
// Double actor-critic (Zhang & Whiteson 2019): PPO on the options' two MDPs.
absl::StatusOr<std::unique_ptr<Learner>> MakeDacLearner(const PpoOptions& options,
                                                        const PolicySpec& policy);

// Extra columns of a row that the learner reads, by what the run does with them.
std::vector<std::string> PpoColumns(const PpoOptions& options, HeadType head);

}  // namespace pmoe
