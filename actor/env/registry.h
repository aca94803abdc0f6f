// Environments by name. Functions are thread-safe; the returned Env is the caller's, for one thread
// at a time.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "actor/env/env.h"
#include "actor/env/env_args.h"

namespace pmoe {

// id: as in ListEnvs, "mjcf:FILE.textproto", "gym:ID", "gym-process:ID" or "plugin:FILE.so". args:
// constructor parameters under Gymnasium's names ("ctrl_cost_weight" -> "0.05", "healthy_z_range"
// -> "0.8,2.0"), and max_episode_steps. assets_dir: folder of the models; empty: that of the
// installed gymnasium wheel. InvalidArgumentError: unknown id or parameter, or a bad value.
// NotFoundError: no model file.
absl::StatusOr<std::unique_ptr<Env>> MakeEnv(const std::string& id,
                                             const std::map<std::string, std::string>& args,
                                             const std::string& assets_dir);

// The same with all that can be asked for.
absl::StatusOr<std::unique_ptr<Env>> MakeEnv(const EnvRequest& request);

// "MuJoCo 3.6.0"
std::string SimulatorName();

}  // namespace pmoe
