#include "actor/configured_env.h"

#include <map>

#include "actor/env/registry.h"

namespace pmoe {

absl::StatusOr<std::unique_ptr<Env>> MakeConfiguredEnv(const RunConfig& config) {
  std::map<std::string, std::string> args;
  for (const EnvArg& arg : config.env().arg()) args[arg.name()] = arg.value();
  return MakeEnv(config.env().id(), args, config.env().assets());
}

EvaluatorOptions EvaluatorOptionsFromConfig(const RunConfig& config) {
  return {config.seed(), config.observe().eval_episodes(),
          ActionModeFromName(config.observe().eval_action())};
}

ActionMode ActionModeFromName(const std::string& name) {
  if (name == "sample") return ActionMode::kSample;
  return name == "argmax_mean" ? ActionMode::kArgmaxMean : ActionMode::kRouterMean;
}

}  // namespace pmoe
