#include "learner/ppo/actor_critic.h"

#include "ATen/TensorOperators.h"
#include "ATen/ops/cat.h"
#include "ATen/ops/from_blob.h"
#include "c10/core/GradMode.h"
#include "learner/nets/mlp.h"
#include "learner/nets/tensor_io.h"
#include "learner/ppo/gae.h"
#include "learner/ppo/ppo_nets.h"

namespace pmoe {
namespace {

constexpr uint32_t kValueStreams = 1000;  // of kInit: layer i of the value draws from 1000 + i

OptimizerOptions StepOptions(const PpoOptions& options) {
  return {options.learning_rate, options.adam_epsilon, options.sgd};
}

at::Tensor RowTensor(std::vector<float>* x, const at::Device& device) {
  return at::from_blob(x->data(), {1, static_cast<int64_t>(x->size())}, at::kFloat)
      .clone()
      .to(device);
}

}  // namespace

ActorCritic::ActorCritic(const PpoOptions& options, const PolicySpec& policy, int values,
                         const at::Device& device, at::ScalarType type)
    : options_(options),
      net_(policy, options.router_detached),
      value_layers_(ValueLayers(options, policy, values)),
      policy_(policy.layers, 1, 1, device, type),
      value_(value_layers_, 1, 1, device, type),
      policy_optimizer_(StepOptions(options), policy_.values()),
      value_optimizer_(StepOptions(options), value_.values()) {
  InitPolicy(options, policy, &policy_);
  policy_optimizer_.Tie(TiedHeads(policy, options.tie, policy_));
  InitValue(options, kValueStreams, value_layers_, &value_);
}

at::Tensor ActorCritic::Values(const MixtureHeads& heads, const at::Tensor& obs, bool train) const {
  return Mlp(value_, value_layers_, value_reads_trunk() ? heads.trunk : obs, train);
}

at::Tensor ActorCritic::Step(double lr_factor) {
  const TiedHeads* const tied = policy_optimizer_.tied();
  const ClippedGradient clipped =
      ClipGradient(options_, {&policy_.gradient(), &value_.gradient()},
                   tied == nullptr ? at::Tensor() : tied->NormExcess(policy_.gradient()));
  const StepScale scale = {lr_factor, clipped.scale};
  policy_optimizer_.Step(&policy_.values(), &policy_.gradient(), scale);
  value_optimizer_.Step(&value_.values(), &value_.gradient(), scale);
  return clipped.norm;
}

void ActorCritic::SaveState(ByteWriter* out) const {
  SaveTensor(policy_.values(), out);
  SaveTensor(value_.values(), out);
  policy_optimizer_.SaveState(out);
  value_optimizer_.SaveState(out);
}

absl::Status ActorCritic::LoadState(ByteReader* in) {
  absl::Status status = LoadTensor(in, &policy_.values());
  if (status.ok()) status = LoadTensor(in, &value_.values());
  if (status.ok()) status = policy_optimizer_.LoadState(in);
  if (status.ok()) status = value_optimizer_.LoadState(in);
  return status;
}

RolloutTargets TargetsOf(const PpoOptions& options, const PreparedRollout& rollout,
                         const at::Tensor& value, const at::Tensor& bootstrap, bool standardize) {
  const c10::AutoGradMode no_grad(false);
  const std::vector<float> values = ToFloats(value * rollout.value_unit);
  const std::vector<float> ends = ToFloats(bootstrap * rollout.value_unit);
  Advantages advantages = EstimateAdvantages({options.gamma, options.gae_lambda},
                                             {rollout.raw->segments, rollout.reward, values, ends});
  if (standardize) Standardize(&advantages.advantage);
  RolloutTargets targets;
  targets.advantage = RowTensor(&advantages.advantage, value.device());
  targets.returns = RowTensor(&advantages.returns, value.device()) / rollout.value_unit;
  targets.reward_returns = std::move(advantages.returns);
  return targets;
}

at::Tensor RatioStats(const at::Tensor& log_prob, const at::Tensor& old, double clip) {
  const c10::AutoGradMode no_grad(false);
  const at::Tensor log_ratio = (log_prob - old).detach();
  const at::Tensor ratio = log_ratio.exp();
  return at::cat(
      {(ratio - 1.0 - log_ratio).mean(1), (ratio - 1.0).abs().gt(clip).to(at::kFloat).mean(1)});
}

std::vector<float> ToFloats(const at::Tensor& x) {
  const at::Tensor host = x.cpu().contiguous();
  return {host.data_ptr<float>(), host.data_ptr<float>() + host.numel()};
}

}  // namespace pmoe
