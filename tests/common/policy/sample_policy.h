// Policies of tests, and a snapshot of a small one.
#pragma once

#include "common/policy/parameter_layout.h"
#include "common/policy/policy_snapshot.h"

namespace pmoe {

// Of a policy for that many observations and actions within +-bound.
inline PolicyOptions BoxOptions(int obs_dim, size_t action_dim, double bound = 1.0) {
  PolicyOptions options;
  options.obs_dim = obs_dim;
  options.action_low.assign(action_dim, -bound);
  options.action_high.assign(action_dim, bound);
  return options;
}

// One observation, one action, two primitives and a router, hidden layers of two units.
inline PolicySpec SmallSpec() {
  PolicyOptions options = BoxOptions(1, 1, 0.4);
  options.primitives = 2;
  options.hidden = {2};
  options.head = HeadType::kMixture;
  return MakePolicySpec(options);
}

// Weight i is i / 8, exact in float32.
inline PolicySnapshot SmallSnapshot() {
  PolicySnapshot snapshot;
  snapshot.spec = SmallSpec();
  snapshot.version = 7;
  snapshot.env_steps = 5000;
  snapshot.weights.resize(ParameterLayout(snapshot.spec.layers, 1, 1).total());
  for (size_t i = 0; i < snapshot.weights.size(); ++i) {
    snapshot.weights[i] = static_cast<float>(i) / 8.0f;
  }
  return snapshot;
}

}  // namespace pmoe
