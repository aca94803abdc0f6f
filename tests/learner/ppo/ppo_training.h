// A small training of PPO or PMOE-PPO on rollouts made up here. N rows, K primitives, O obs_dim, A
// action_dim.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "learner/ppo/ppo_update.h"
#include "tests/common/policy/sample_policy.h"
#include "tests/learner/ppo/rollout_testing.h"
#include "tests/learner/test_options.h"

namespace pmoe {

inline constexpr int kObs = 5, kActions = 2, kRows = 256;

inline PpoOptions SmallOptions() {
  PpoOptions options = TestPpoOptions();
  options.rollout_steps = kRows;
  options.batch_size = 64;
  options.epochs = 3;
  options.learning_rate = 3e-3;
  options.qnet_learning_rate = 3e-3;
  options.value_hidden = {16, 16};
  options.qnet_hidden = {16, 16};
  options.head_gain = 0.3;  // so that heads differ from row to row
  return options;
}

inline PolicySpec MakeSpec(const PpoOptions& options, HeadType head, int primitives, int width) {
  PolicyOptions policy = BoxOptions(kObs, kActions);
  policy.action_map = ActionMap::kClip;
  policy.head = head;
  policy.primitives = primitives;
  policy.activation = Activation::kTanh;
  policy.hidden = {width, width};
  policy.std_is_parameter = true;
  policy.columns = PpoColumns(options, head);
  return MakePolicySpec(policy);
}

// An update with the streams it draws from.
struct Training {
  Training(const PpoOptions& options, HeadType head, int primitives, int width = 16)
      : update(options, MakeSpec(options, head, primitives, width), at::kCPU) {}

  Rollout Play(uint32_t stream) {
    return MakeRollout(update.policy_net(), update.policy(), kRows, stream);
  }
  LearnedRollout Learn(const Rollout& rollout, double progress = 0.0) {
    return update.Learn(Prepare(rollout), progress, {&shuffle, &noise});
  }
  // Bias of a layer, and its weights where it has some.
  const DenseParameters& Layer(const std::string& name) {
    const PolicySpec& spec = update.policy_net().spec();
    return update.policy().Frozen(static_cast<int>(spec.FindLayer(name) - spec.layers.data()));
  }
  double Stat(const LearnedRollout& learned, const std::string& name) {
    const std::vector<std::string>& names = update.StatNames();
    const auto found = std::find(names.begin(), names.end(), name);
    return learned.stats[static_cast<size_t>(found - names.begin())];
  }

  PpoUpdate update;
  Rng shuffle{1, RngRole::kLearner, 0};
  Rng noise{1, RngRole::kLearnerRouter, 0};
};

}  // namespace pmoe
