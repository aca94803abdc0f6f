// Snapshots of random weights for benchmarks.
#pragma once

#include <memory>

#include "common/base/rng.h"
#include "common/policy/parameter_layout.h"
#include "common/policy/policy_snapshot.h"

namespace pmoe {

struct PolicyWorkload {
  const char* name;
  int obs_dim, action_dim, primitives;
  double action_limit = 1.0;
};

// A PMOE policy of the default hidden layers, version 1.
inline std::shared_ptr<const PolicySnapshot> MakeBenchSnapshot(const PolicyWorkload& workload) {
  PolicyOptions options;
  options.obs_dim = workload.obs_dim;
  options.action_low.assign(static_cast<size_t>(workload.action_dim), -workload.action_limit);
  options.action_high.assign(static_cast<size_t>(workload.action_dim), workload.action_limit);
  options.primitives = workload.primitives;
  options.head = HeadType::kMixture;
  auto snapshot = std::make_shared<PolicySnapshot>();
  snapshot->spec = MakePolicySpec(options);
  snapshot->version = 1;
  snapshot->weights.resize(ParameterLayout(snapshot->spec.layers, 1, 1).total());
  Rng rng(1, RngRole::kInit, 0);
  rng.FillNormal(snapshot->weights.data(), snapshot->weights.size());
  for (float& weight : snapshot->weights) weight *= 0.05f;
  return snapshot;
}

}  // namespace pmoe
