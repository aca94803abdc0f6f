// From RunConfig to environments and action modes; the one place where the actor's side reads the
// configuration.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "actor/evaluator.h"
#include "actor/policy_network.h"
#include "control/wire/env_folder.h"
#include "proto/config.pb.h"

namespace pmoe {

// What `env` of the configuration asks for; errors as MakeEnv's. `will_render`: for pictures.
absl::StatusOr<std::unique_ptr<Env>> MakeConfiguredEnv(const RunConfig& config,
                                                       bool will_render = false);

// One made and recorded for the learner of a cluster; its spec into *spec unless null. Errors name
// this host: a task file must lie at the same path on every machine.
absl::StatusOr<EnvRecord> RecordConfiguredEnv(const RunConfig& config, EnvSpec* spec);

// Seed, episodes and action mode of the run's evaluations.
EvaluatorOptions EvaluatorOptionsFromConfig(const RunConfig& config);

// "router_mean", "argmax_mean" or "sample", as the schema allows them.
ActionChoice ActionChoiceFromName(const std::string& name);

}  // namespace pmoe
