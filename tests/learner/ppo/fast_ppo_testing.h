// Policies and minibatches on which both editions of PPO's step are compared. B rows, K primitives,
// O obs_dim, A action_dim.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "c10/core/GradMode.h"
#include "learner/ppo/fast_ppo_step.h"
#include "learner/ppo/ppo_update.h"
#include "tests/learner/test_options.h"
#include "tests/learner/torch_testing.h"

namespace pmoe {

inline constexpr int kStepObs = 5, kStepActions = 3, kStepRows = 32;

// One set of options; the names of others are in fast_ppo_step_test.cc.
struct StepCase {
  std::string name;
  HeadType head = HeadType::kGaussian;
  int primitives = 1;
  std::function<void(PpoOptions* options)> options = [](PpoOptions*) {};
  std::function<void(PolicyOptions* policy)> policy = [](PolicyOptions*) {};
};

inline PpoOptions StepOptions(const StepCase& c) {
  PpoOptions options = TestPpoOptions();
  options.batch_size = kStepRows;
  options.learning_rate = options.qnet_learning_rate = 3e-3;
  options.value_hidden = {12, 9};
  options.qnet_hidden = {17, 40};
  options.head_gain = 0.5;
  options.log_std_init = -0.5;
  options.frequency_loss = c.head == HeadType::kMixture && c.primitives > 0;
  options.advantage_norm = AdvantageNorm::kMinibatch;
  c.options(&options);
  return options;
}

inline PolicySpec StepPolicy(const StepCase& c) {
  PolicyOptions policy;
  policy.obs_dim = kStepObs;
  policy.action_low.assign(kStepActions, -1.0);
  policy.action_high.assign(kStepActions, 1.0);
  policy.action_map = ActionMap::kClip;
  policy.head = c.head;
  policy.primitives = c.primitives;
  policy.activation = Activation::kTanh;
  policy.hidden = {33, 20};
  policy.std_is_parameter = true;
  policy.router_reads_obs = true;
  c.policy(&policy);
  return MakePolicySpec(policy);
}

// Random rows near what the networks say, on their device: ratios about 1, some of them clipped.
inline PpoBatch RandomBatch(const PpoUpdate& update, int primitives, uint32_t stream) {
  const c10::AutoGradMode no_grad(false);
  Rng rng(5, RngRole::kActor, stream);
  const at::TensorOptions like = update.policy().values().options();
  const auto normal = [&](at::IntArrayRef shape) { return NormalTensor(shape, &rng).to(like); };
  PreparedRollout rollout;
  rollout.obs = normal({1, kStepRows, kStepObs});
  rollout.action = normal({1, kStepRows, kStepActions});
  PpoBatch batch;
  batch.obs = rollout.obs;
  batch.action = rollout.action;
  at::Tensor component = at::empty({1, kStepRows}, at::kLong);
  for (int b = 0; b < kStepRows; ++b) {
    component[0][b] = static_cast<int64_t>(rng.UniformInt(static_cast<uint64_t>(primitives)));
  }
  batch.component = component.to(like.device());
  batch.old_log_prob = update.OldLogProb(rollout, batch.component) + normal({1, kStepRows}) * 0.2;
  batch.old_value = update.Values(rollout.obs) + normal({1, kStepRows}) * 0.2;
  batch.advantage = normal({1, kStepRows}) + 0.3;
  batch.returns = batch.old_value + normal({1, kStepRows}) * 0.3;
  return batch;
}

inline PpoBatch OnHost(const PpoBatch& batch) {
  return {batch.obs.cpu(),          batch.action.cpu(),    batch.component.cpu(),
          batch.old_log_prob.cpu(), batch.old_value.cpu(), batch.advantage.cpu(),
          batch.returns.cpu()};
}

// The same rows as plain columns, which point into `batch` and `component`.
template <typename T>
PpoRows<T> RowsOfBatch(const PpoBatch& batch, std::vector<int>* component) {
  component->resize(kStepRows);
  for (int b = 0; b < kStepRows; ++b) {
    (*component)[static_cast<size_t>(b)] = static_cast<int>(batch.component[0][b].item<int64_t>());
  }
  return {batch.obs.data_ptr<T>(),
          batch.action.data_ptr<T>(),
          component->data(),
          batch.old_log_prob.data_ptr<T>(),
          batch.old_value.data_ptr<T>(),
          batch.advantage.data_ptr<T>(),
          batch.returns.data_ptr<T>()};
}

}  // namespace pmoe
