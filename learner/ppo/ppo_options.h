// Options of the PPO family, one struct for all: PPO is one Gaussian; gating and MCP are PPO whose
// Gaussian their PolicySpec makes of K. Free of Torch and protobuf. docs/algorithms/ppo.md and
// pmoe_ppo.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/learner_choices.h"
#include "common/config/policy_choices.h"
#include "common/config/ppo_choices.h"
#include "common/policy/policy_spec.h"
#include "learner/nets/head_tie.h"

namespace pmoe {

class Learner;

// Defaults and ranges are the schema's (proto/config.proto): PpoOptionsFromConfig fills everything.
// What the algorithm does not read has the schema's default.
struct PpoOptions {
  uint64_t seed = 0;
  int64_t rollout_steps = 0;
  int batch_size = 0;
  int epochs = 0;
  double learning_rate = 0.0;
  double qnet_learning_rate = 0.0;
  bool linear_schedule = false;  // step sizes go to 0 over total_rollouts
  int64_t total_rollouts = 0;
  double adam_epsilon = 0.0;
  bool sgd = false;  // momentum .9 instead of Adam
  double gamma = 0.0;
  double gae_lambda = 0.0;
  double clip = 0.0;
  double value_coef = 0.0;
  bool value_clip = false;
  double entropy_coef = 0.0;
  double grad_norm_max = 0.0;  // of policy and value together, and of the Q-network; 0: no limit
  AdvantageNorm advantage_norm{};
  bool recompute_advantage = false;
  RewardNorm reward_norm{};
  bool behavior_log_prob = false;  // async, lag 1: the old log-probability is the actor's

  ValueNet value_net{};
  std::vector<int> value_hidden;
  Activation value_activation{};
  WeightInit init{};
  double hidden_gain = 0.0;
  double head_gain = 0.0;   // of the policy's last layers
  double value_gain = 0.0;  // of the value's
  double log_std_init = 0.0;
  HeadTie tie;  // what the K primitives' heads have in common

  RatioOf ratio{};
  bool router_detached = false;
  // PMOE: the router learns how often each primitive is best.
  bool frequency_loss = false;
  RouterGrad router_grad{};
  RankBy rank_by{};
  RouterTarget router_target{};
  double router_target_tau = 0.0;
  double freq_coef = 0.0;
  bool freq_mean = false;  // over primitives, instead of the sum
  bool freq_cross_entropy = false;
  std::vector<int> qnet_hidden;
  bool qnet_reads_trunk = false;
  double router_entropy_min = 0.0;  // of log K; 0: no floor
  double router_entropy_coef = 0.0;
  double gumbel_tau = 0.0;
  double gumbel_tau_end = 0.0;
  bool dac_compat = false;

  std::string device;
  UpdateStep step{};
  int threads = 0;

  // InvalidArgument for options that nobody filled; ranges were checked in the configuration.
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
