// What `pmoe` says about environments: `envs`, `env trace`, and the environment's part of
// `config check`. Filled by the parser that AddTo was called on, which keeps pointers into these
// objects.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "actor/command/commands.h"
#include "actor/configured_env.h"
#include "actor/env/env.h"
#include "actor/env/env_list.h"
#include "actor/env_record.h"
#include "actor/env_trace.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "control/wire/env_folder.h"
#include "control/wire/env_identity.h"

namespace pmoe {
namespace {

// --env --env-arg --assets --python.
class EnvFlags {
 public:
  void AddTo(CLI::App* app) {
    app->add_option("--env", id_, "Task; `pmoe envs` lists them")->type_name("ID")->required();
    app->add_option("--env-arg", args_, "Task parameter, e.g. ctrl_cost_weight=0.1")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->take_all();
    app->add_option("--assets", assets_, "Folder of the models; default: Gymnasium's own")
        ->type_name("DIR");
    app->add_option("--python", python_, "Interpreter of gym:")->type_name("FILE");
  }

  const std::string& id() const { return id_; }
  absl::StatusOr<std::unique_ptr<Env>> Make() const {
    RunConfig config;
    PMOE_RETURN_IF_ERROR(SetField(&config, "env.id", id_));
    PMOE_RETURN_IF_ERROR(SetField(&config, "env.assets", assets_));
    PMOE_RETURN_IF_ERROR(SetField(&config, "env.python", python_));
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

 private:
  std::string id_;
  std::vector<std::string> args_;
  std::string assets_;
  std::string python_;
};

// `envs`: the list.
class EnvsCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const command = app->add_subcommand("envs", "Lists the environments");
    return command;
  }

  absl::StatusOr<int> Run() override {
    std::printf("%-28s %5s %8s %7s  %s\n", "id", "obs", "actions", "steps", "what to do");
    for (const EnvInfo& env : ListEnvs()) {
      std::printf("%-28s %5d %8d %7d  %s\n", env.id.c_str(), env.obs_dim, env.action_dim,
                  env.max_episode_steps, env.description.c_str());
    }
    std::printf(
        "Yours (docs/add_an_env.md, docs/robots.md):\n"
        "mjcf:FILE.textproto          a MuJoCo model, with what is observed and rewarded\n"
        "gym:ID, gym:MODULE:ID        a Gymnasium environment of your Python's packages\n"
        "gym-process:ID               the same in a process of its own\n"
        "plugin:FILE.so               C code that steps anything\n");
    return 0;
  }

 private:
};

// `check-env`: makes the environment once; with a run, compares it with what that was made with.
class CheckEnvCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const command = app->add_subcommand("check-env", "Makes an environment once");
    env_.AddTo(command);
    command->add_option("--run", run_, "Run directory that it must fit")->type_name("DIR");
    command->add_flag("--allow-other-env", allow_other_env_, "It need not be the run's");
    command
        ->add_option("--record", record_,
                     "Run directory to be: keeps there what the environment is, so that the run's "
                     "learner lets nobody in who steps another")
        ->type_name("DIR");
    command->add_flag("--quiet", quiet_, "Print nothing when all is well");
    return command;
  }

  absl::StatusOr<int> Run() override {
    PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> env, env_.Make());
    if (!run_.empty()) {
      PMOE_ASSIGN_OR_RETURN(const std::optional<EnvSpecMessage> kept, KeptEnv(run_));
      PMOE_ASSIGN_OR_RETURN(const EnvRecord now, RecordEnv(*env));
      if (kept.has_value()) {
        PMOE_RETURN_IF_ERROR(CheckSameEnv(run_, *kept, now.spec, allow_other_env_));
      }
    }
    if (!record_.empty()) {
      PMOE_ASSIGN_OR_RETURN(const EnvRecord now, RecordEnv(*env));
      PMOE_RETURN_IF_ERROR(KeepEnv(record_, now));
    }
    if (quiet_) return 0;
    std::printf("environment: %s can be made\n", env_.id().c_str());
    return 0;
  }

 private:
  EnvFlags env_;
  std::string run_;
  std::string record_;
  bool allow_other_env_ = false;
  bool quiet_ = false;
};

// `env trace`: actor/env_trace.h from a file to stdout.
class EnvCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const env = app->add_subcommand("env", "Looks into one environment");
    env->require_subcommand(1);
    CLI::App* const command =
        env->add_subcommand("trace", "Replays actions and prints every step as CSV");
    env_.AddTo(command);
    command->add_option("--seed", seed_, "Seed of the first reset")->type_name("S");
    command
        ->add_option("--actions", actions_,
                     "CSV file: one row of numbers per step, decimal or hexadecimal (0x1.8p-1)")
        ->type_name("FILE")
        ->required();
    command->footer(
        "Prints step,reset,reward,terminated,truncated,obs_0,… with numbers that read back to the "
        "same\ndoubles. Row 0 is the observation after reset(seed); after the end of an episode "
        "comes "
        "the\nrow of a reset without a seed, and the actions go on. `step` counts the actions so "
        "far.\n"
        "Example:\n  printf '0.1,0,-0.2\\n0,0x1p-3,1\\n' > actions.csv\n"
        "  pmoe env trace --env Hopper-v5 --seed 3 --actions actions.csv");
    return command;
  }

  absl::StatusOr<int> Run() override {
    PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> env, env_.Make());
    const absl::StatusOr<std::string> text = ReadText(actions_);
    if (!text.ok()) {
      return absl::NotFoundError(absl::StrCat("--actions: ", std::string(text.status().message())));
    }
    PMOE_ASSIGN_OR_RETURN(const std::vector<double> actions,
                          ParseActions(*text, env->spec().action_dim, actions_));
    const absl::Status traced = TraceEnv(env.get(), seed_, actions, [](absl::string_view line) {
      std::fwrite(line.data(), 1, line.size(), stdout);
    });
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) {
      return absl::DataLossError("cannot write the trace to stdout");
    }
    PMOE_RETURN_IF_ERROR(traced);
    return 0;
  }

 private:
  EnvFlags env_;
  uint64_t seed_ = 0;
  std::string actions_;
};

}  // namespace

std::unique_ptr<Command> MakeEnvsCommand() { return std::make_unique<EnvsCommand>(); }

std::unique_ptr<Command> MakeCheckEnvCommand() { return std::make_unique<CheckEnvCommand>(); }

std::unique_ptr<Command> MakeEnvCommand() { return std::make_unique<EnvCommand>(); }

}  // namespace pmoe
