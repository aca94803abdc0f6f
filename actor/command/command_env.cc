#include "actor/command/command_env.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "actor/configured_env.h"
#include "actor/env/env_list.h"
#include "actor/env_record.h"
#include "actor/env_trace.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/run/env_folder.h"
#include "common/run/env_identity.h"

namespace pmoe {

void EnvFlags::AddTo(CLI::App* app) {
  app->add_option("--env", id_, "Task; `pmoe envs` lists them")->type_name("ID")->required();
  app->add_option("--env-arg", args_, "Task parameter, e.g. ctrl_cost_weight=0.1")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  app->add_option("--assets", assets_, "Folder of the models; default: Gymnasium's own")
      ->type_name("DIR");
}

absl::StatusOr<std::unique_ptr<Env>> EnvFlags::Make() const {
  RunConfig config;
  PMOE_RETURN_IF_ERROR(SetField(&config, "env.id", id_));
  PMOE_RETURN_IF_ERROR(SetField(&config, "env.assets", assets_));
  for (const std::string& arg : args_) {
    const size_t equals = arg.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--env-arg must be NAME=VALUE, got \"", arg, "\""));
    }
    PMOE_RETURN_IF_ERROR(
        SetField(&config, "env.arg." + arg.substr(0, equals), arg.substr(equals + 1)));
  }
  return MakeConfiguredEnv(config);
}

void EnvsCommand::AddTo(CLI::App* app) {
  command_ = app->add_subcommand("envs", "Lists the environments");
}

bool EnvsCommand::chosen() const { return command_->parsed(); }

absl::Status EnvsCommand::Run() const {
  std::printf("%-28s %5s %8s %7s  %s\n", "id", "obs", "actions", "steps", "what to do");
  for (const EnvInfo& env : ListEnvs()) {
    std::printf("%-28s %5d %8d %7d  %s\n", env.id.c_str(), env.obs_dim, env.action_dim,
                env.max_episode_steps, env.description.c_str());
  }
  return absl::OkStatus();
}

void CheckEnvCommand::AddTo(CLI::App* app) {
  command_ = app->add_subcommand("check-env", "Makes an environment once");
  env_.AddTo(command_);
  command_->add_option("--run", run_, "Run directory that it must fit")->type_name("DIR");
  command_->add_flag("--allow-other-env", allow_other_env_, "It need not be the run's");
  command_->add_flag("--quiet", quiet_, "Print nothing when all is well");
}

bool CheckEnvCommand::chosen() const { return command_->parsed(); }

absl::Status CheckEnvCommand::Run() const {
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> env, env_.Make());
  if (!run_.empty()) {
    PMOE_ASSIGN_OR_RETURN(const std::optional<EnvSpecMessage> kept, KeptEnv(run_));
    PMOE_ASSIGN_OR_RETURN(const EnvRecord now, RecordEnv(*env));
    if (kept.has_value()) {
      PMOE_RETURN_IF_ERROR(CheckSameEnv(run_, *kept, now.spec, allow_other_env_));
    }
  }
  if (quiet_) return absl::OkStatus();
  std::printf("environment: %s can be made\n", env_.id().c_str());
  return absl::OkStatus();
}

void EnvCommand::AddTo(CLI::App* app) {
  CLI::App* const env = app->add_subcommand("env", "Looks into one environment");
  env->require_subcommand(1);
  command_ = env->add_subcommand("trace", "Replays actions and prints every step as CSV");
  env_.AddTo(command_);
  command_->add_option("--seed", seed_, "Seed of the first reset")->type_name("S");
  command_
      ->add_option("--actions", actions_,
                   "CSV file: one row of numbers per step, decimal or hexadecimal (0x1.8p-1)")
      ->type_name("FILE")
      ->required();
  command_->footer(
      "Prints step,reset,reward,terminated,truncated,obs_0,… with numbers that read back to the "
      "same\ndoubles. Row 0 is the observation after reset(seed); after the end of an episode "
      "comes "
      "the\nrow of a reset without a seed, and the actions go on. `step` counts the actions so "
      "far.\n"
      "Example:\n  printf '0.1,0,-0.2\\n0,0x1p-3,1\\n' > actions.csv\n"
      "  pmoe env trace --env Hopper-v5 --seed 3 --actions actions.csv");
}

bool EnvCommand::chosen() const { return command_->parsed(); }

absl::Status EnvCommand::Run() const {
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> env, env_.Make());
  const absl::StatusOr<std::string> text = ReadText(actions_);
  if (!text.ok()) {
    return absl::NotFoundError(absl::StrCat("--actions: ", std::string(text.status().message())));
  }
  PMOE_ASSIGN_OR_RETURN(const std::vector<double> actions,
                        ParseActions(*text, env->spec().action_dim, actions_));
  TraceEnv(env.get(), seed_, actions,
           [](absl::string_view line) { std::fwrite(line.data(), 1, line.size(), stdout); });
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) {
    return absl::DataLossError("cannot write the trace to stdout");
  }
  return absl::OkStatus();
}

}  // namespace pmoe
