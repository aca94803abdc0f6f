// HalfCheetah with a short episode, and small policies with random weights for any task.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actor/env/registry.h"
#include "common/base/check.h"
#include "common/base/rng.h"
#include "common/policy/parameter_layout.h"
#include "common/policy/policy_snapshot.h"

namespace pmoe {

inline constexpr int kEpisodeSteps = 25;

inline std::unique_ptr<Env> MakeCheetah() {
  auto env = MakeEnv("HalfCheetah-v5", {{"max_episode_steps", std::to_string(kEpisodeSteps)}}, "");
  PMOE_CHECK(env.ok());
  return *std::move(env);
}

using PolicyChange = std::function<void(PolicyOptions*)>;

inline PolicySpec PolicyFor(const EnvSpec& env, const PolicyChange& change = {}) {
  PolicyOptions options;
  options.obs_dim = env.obs_dim;
  options.action_low = env.action_low;
  options.action_high = env.action_high;
  options.primitives = 2;
  options.hidden = {16};
  options.head = HeadType::kMixture;
  if (change != nullptr) change(&options);
  return MakePolicySpec(options);
}

inline std::shared_ptr<const PolicySnapshot> RandomSnapshot(const PolicySpec& policy,
                                                            uint64_t version) {
  auto snapshot = std::make_shared<PolicySnapshot>();
  snapshot->spec = policy;
  snapshot->version = version;
  snapshot->env_steps = 100 * version;
  snapshot->weights.resize(ParameterLayout(snapshot->spec.layers, 1, 1).total());
  Rng rng(version, RngRole::kInit, 0);
  for (float& weight : snapshot->weights) weight = 0.3f * rng.Normal();
  for (int i = 0; policy.normalizes_obs && i < policy.obs_dim; ++i) {
    snapshot->obs_mean.push_back(0.2f * rng.Normal());
    snapshot->obs_std.push_back(0.5f + rng.UniformFloat());
  }
  return snapshot;
}

inline PolicySpec CheetahPolicy() { return PolicyFor(MakeCheetah()->spec()); }

inline std::shared_ptr<const PolicySnapshot> CheetahSnapshot(uint64_t version) {
  return RandomSnapshot(CheetahPolicy(), version);
}

}  // namespace pmoe
