#include "learner/sac/sac_nets.h"

#include <algorithm>
#include <cmath>

#include "ATen/TensorOperators.h"
#include "ATen/ops/full.h"
#include "ATen/ops/zeros_like.h"
#include "c10/core/GradMode.h"
#include "learner/kernels/net_plan.h"
#include "learner/nets/critic_net.h"
#include "learner/nets/init.h"
#include "learner/nets/tensor_io.h"

namespace pmoe {
namespace {

// Streams of kInit: layer i of the policy draws from i, layer i of the critics from 1000 + i.
constexpr uint32_t kCriticStreams = 1000;

// Gains 1, shifts 0.
void BeginAsIdentity(const std::vector<DenseLayer>& layers, FlatParameters* parameters) {
  for (int i = 0; i < parameters->layers(); ++i) {
    if (!IsDiagonal(layers[static_cast<size_t>(i)])) continue;
    at::Tensor(parameters->Frozen(i).weight).fill_(1.0);
    at::Tensor(parameters->Frozen(i).bias).fill_(0.0);
  }
}

}  // namespace

SacNets::SacNets(const SacOptions& options, const PolicySpec& policy, const at::Device& device,
                 at::ScalarType type)
    : critic_layers(CriticLayers(policy.obs_dim, policy.action_dim, options.critic_hidden,
                                 options.critic_outputs(), options.layer_norm())),
      actor(policy.layers, options.members, 1, device, type),
      critics(critic_layers, options.members, options.critics(), device, type),
      targets(critic_layers, options.members, options.critics(), device, type),
      actor_optimizer({options.actor_lr, options.adam_epsilon, options.sgd}, actor.values()),
      critic_optimizer({options.critic_lr, options.adam_epsilon, options.sgd}, critics.values()),
      log_alpha(at::full({options.members}, std::log(std::max(options.alpha, 1e-30)),
                         at::TensorOptions().dtype(type).device(device))),
      log_alpha_gradient(at::zeros_like(log_alpha)),
      alpha_optimizer({.learning_rate = options.alpha_lr}, log_alpha) {
  InitUniformFanIn(options.seed, 0, &actor);
  if (options.tie.any()) {
    FlatParameters shared(SharedHeadLayers(policy), options.members, 1, device, type);
    InitUniformFanIn(options.seed, kSharedHeadStreams, &shared);
    InitTied(policy, options.tie, shared, &actor);
    actor_optimizer.Tie(TiedHeads(policy, options.tie, actor));
  }
  InitUniformFanIn(options.seed, kCriticStreams, &critics);
  const c10::AutoGradMode no_grad(false);
  if (options.layer_norm()) BeginAsIdentity(critic_layers, &critics);
  targets.values().copy_(critics.values());
  if (options.target_policy) {
    actor_target.emplace(policy.layers, options.members, 1, device, type);
    actor_target->values().copy_(actor.values());
  }
}

void SacNets::SaveState(ByteWriter* out) const {
  SaveTensor(actor.values(), out);
  SaveTensor(critics.values(), out);
  SaveTensor(targets.values(), out);
  if (actor_target) SaveTensor(actor_target->values(), out);
  actor_optimizer.SaveState(out);
  critic_optimizer.SaveState(out);
  SaveTensor(log_alpha, out);
  alpha_optimizer.SaveState(out);
}

absl::Status SacNets::LoadState(ByteReader* in) {
  absl::Status status = LoadTensor(in, &actor.values());
  if (status.ok()) status = LoadTensor(in, &critics.values());
  if (status.ok()) status = LoadTensor(in, &targets.values());
  if (status.ok() && actor_target) status = LoadTensor(in, &actor_target->values());
  if (status.ok()) status = actor_optimizer.LoadState(in);
  if (status.ok()) status = critic_optimizer.LoadState(in);
  if (status.ok()) status = LoadTensor(in, &log_alpha);
  if (status.ok()) status = alpha_optimizer.LoadState(in);
  return status;
}

double LogActionScale(const SacOptions& options, const PolicySpec& policy) {
  double sum = 0.0;
  if (!options.logprob_action_scale) return sum;
  for (size_t j = 0; j < policy.action_low.size(); ++j) {
    sum += std::log((policy.action_high[j] - policy.action_low[j]) / 2.0);
  }
  return sum;
}

}  // namespace pmoe
