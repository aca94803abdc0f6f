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
  return {.seed = config.seed(),
          .episodes = config.observe().eval_episodes(),
          .episode_steps_max = config.observe().eval_episode_steps_max(),
          .action = ActionChoiceFromName(config.observe().eval_action())};
}

ActionChoice ActionChoiceFromName(const std::string& name) {
  return {.primitive = name == "argmax_mean" ? ActionChoice::kArgmax : ActionChoice::kRouter,
          .sample = name == "sample"};
}

}  // namespace pmoe
