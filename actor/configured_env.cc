#include "actor/configured_env.h"

#include <unistd.h>

#include <array>
#include <map>

#include "absl/strings/str_cat.h"
#include "actor/env/registry.h"
#include "actor/env_record.h"
#include "common/config/policy_choices.h"

namespace pmoe {

absl::StatusOr<std::unique_ptr<Env>> MakeConfiguredEnv(const RunConfig& config, bool will_render) {
  EnvRequest request;
  request.id = config.env().id();
  for (const EnvArg& arg : config.env().arg()) request.args[arg.name()] = arg.value();
  request.assets_dir = config.env().assets();
  request.python = config.env().python();
  request.will_render = will_render;
  return MakeEnv(request);
}

absl::StatusOr<EnvRecord> RecordConfiguredEnv(const RunConfig& config, EnvSpec* spec) {
  const absl::StatusOr<std::unique_ptr<Env>> env = MakeConfiguredEnv(config);
  absl::StatusOr<EnvRecord> record = env.ok() ? RecordEnv(**env) : env.status();
  if (!record.ok()) {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    return absl::Status(
        record.status().code(),
        absl::StrCat("on host ", host.data(), ": ", std::string(record.status().message())));
  }
  if (spec != nullptr) *spec = (*env)->spec();
  return record;
}

EvaluatorOptions EvaluatorOptionsFromConfig(const RunConfig& config) {
  return {.seed = config.seed(),
          .episodes = config.observe().eval_episodes(),
          .episode_steps_max = config.observe().eval_episode_steps_max(),
          .action = ActionChoiceFromName(config.observe().eval_action()),
          .outlives_errors = true};
}

ActionChoice ActionChoiceFromName(const std::string& name) {
  switch (ParseChoice<EvalAction>(name)) {
    case EvalAction::kRouterMean:
      break;
    case EvalAction::kArgmaxMean:
      return {.primitive = ActionChoice::kArgmax};
    case EvalAction::kSample:
      return {.sample = true};
  }
  return {};
}

}  // namespace pmoe
