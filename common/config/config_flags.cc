#include "common/config/config_flags.h"

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/command_line.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/config/schema.h"
#include "common/config/seed_folder.h"
#include "common/config/seed_list.h"

namespace pmoe {

void ConfigFlags::AddField(CLI::App* app, const std::string& flag, Flag* slot,
                           const std::string& path, const std::string& metavar,
                           const std::string& help) {
  slot->path = path;
  slot->option = app->add_option(flag, slot->value, help)->type_name(metavar);
}

namespace {

// "--lr", "--batch-size": the settings of that name.
std::string SettingOf(absl::string_view flag) {
  const size_t begin = flag.find_first_not_of('-');
  if (begin == flag.npos) return "";
  const std::string word = absl::StrReplaceAll(flag.substr(begin), {{"-", "_"}});
  const std::vector<std::string> paths = FieldsWithWord(word);
  if (paths.empty()) return "";
  return absl::StrCat("; did you mean --set ", absl::StrJoin(paths, "=… or --set "), "=…?");
}

}  // namespace

void ConfigFlags::AddTo(CLI::App* app) {
  HelpWithUnknownArguments(&SettingOf);
  AddField(app, "--env", &env_, "env.id", "ID",
           "Task, e.g. HalfCheetah-v5; `pmoe envs` lists them. Yours: mjcf:FILE.textproto, "
           "gym:ID or plugin:FILE.so");
  app->add_option("--env-arg", env_args_, "Task parameter, e.g. ctrl_cost_weight=0.05; repeatable")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->take_all();
  AddField(app, "--python", &python_, "env.python", "FILE",
           "Interpreter of gym:; default: that of the virtual environment in use");
  AddField(app, "--algo", &algorithm_, "algorithm", "NAME",
           "pmoe_sac, sac, ppo, …: all in docs/algorithms");
  app->add_option("--preset", preset_,
                  "paper (its Table 6), official (the authors' public code), modern (SAC with "
                  "quantile critics), tianshou or cleanrl (their PPO)")
      ->type_name("NAME");
  app->add_option("--config", file_, "Settings in textproto; stronger than the preset")
      ->type_name("FILE");
  AddField(app, "--mode", &mode_, "schedule.mode", "NAME",
           "lockstep: reproducible rounds; async: as fast as the data comes");
  AddField(app, "--steps", &steps_, "schedule.total_steps", "N", "Env steps of the run, e.g. 1e6");
  AddField(app, "--seed", &seed_, "seed", "N", "Every random stream starts here");
  AddField(app, "--actors", &actors_, "actor.count", "N", "Actors");
  AddField(app, "--shards", &shards_, "replay.shards", "N", "Replay shards of a cluster");
  AddField(app, "--demos", &demos_, "replay.demos", "FILE",
           "Demonstrations, .npz or NAME.table, that each minibatch gets rows of");
  AddField(app, "--device", &device_, "learner.device", "NAME", "cpu or cuda");
  app->add_option("--set", sets_,
                  "Any setting, e.g. learner.actor_lr=3e-4; stronger than all others; repeatable")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false)
      ->take_all();
}

absl::StatusOr<ConfigSources> ConfigFlags::Sources() const {
  ConfigSources sources;
  sources.preset = preset_;
  sources.config_file = file_;
  sources.sets = sets_;
  for (const Flag* flag : {&env_, &python_, &algorithm_, &mode_, &steps_, &seed_, &actors_,
                           &shards_, &demos_, &device_}) {
    if (flag->option->count() == 0) continue;
    sources.flags.emplace_back(flag->path, flag->value);
    for (const std::string& set : sets_) {
      absl::string_view value = set;
      const bool same = absl::ConsumePrefix(&value, absl::StrCat(flag->path, "="));
      if (!same || value == flag->value) continue;
      Log(LogLevel::kWarning, flag->option->get_name(), " ", flag->value, " does nothing: --set ",
          set, " is stronger");
    }
  }
  for (const std::string& arg : env_args_) {
    const std::vector<std::string> pair = absl::StrSplit(arg, absl::MaxSplits('=', 1));
    if (pair.size() != 2) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--env-arg needs name=value, like ctrl_cost_weight=0.05, got \"", arg, "\""));
    }
    sources.flags.emplace_back(absl::StrCat("env.arg.", pair[0]), pair[1]);
  }
  return sources;
}

std::vector<std::string> EnvWords(const EnvConfig& env) {
  std::vector<std::string> words = {"--env", env.id()};
  for (const EnvArg& arg : env.arg()) {
    words.insert(words.end(), {"--env-arg", absl::StrCat(arg.name(), "=", arg.value())});
  }
  if (!env.assets().empty()) words.insert(words.end(), {"--assets", env.assets()});
  if (!env.python().empty()) words.insert(words.end(), {"--python", env.python()});
  return words;
}

void TrainFlags::AddOptions(CLI::App* app) {
  config_.AddTo(app);
  app->add_option("--out", given_.out, "Run directory; default runs/<env>-<algo>-s<seed>-<time>")
      ->type_name("DIR");
  // Known to all who train, so that those who cannot say what to do; `pmoe train` shows it.
  seeds_option_ =
      app->add_option("--seeds", seeds_,
                      "Several runs in one process, a seed each, e.g. 1..5 or 1,3,7; a folder "
                      "seed_N each in the run directory, or what {seed} in --out makes of it")
          ->type_name("LIST")
          ->group("");
  app->add_option("--resume", given_.resume,
                  "Continue the run in this directory from its newest checkpoint")
      ->type_name("DIR");
  app->add_flag("--allow-other-env", given_.allow_other_env,
                "With --resume: go on although the task or its model is not the one that the run "
                "was made with");
}

void TrainFlags::AddOrResume(CLI::App* app) {
  app->add_flag("--or-resume", given_.or_resume,
                "Go on with the run that --out holds, if there is one; its own configuration then "
                "stands instead of --preset and --config, and a finished run is no error");
}

void TrainFlags::AddTo(CLI::App* app) {
  app->name("pmoe train");
  app->description("Trains a policy in one process and writes a run directory.");
  AddOptions(app);
  takes_seeds_ = true;
  seeds_option_->group("Options");
  app->add_option(
         "--jobs", given_.jobs,
         "Runs of --seeds side by side; default: so many that all finish soonest and their "
         "replay fits into memory")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  // For `pmoe sweep`, which wants to know how each run fares.
  app->add_option("--seed-report", given_.seed_report)->group("");
  app->footer(R"(Examples:
  pmoe train --env HalfCheetah-v5
  pmoe train --env Hopper-v5 --algo sac --seed 2 --steps 3e5
  pmoe train --env HalfCheetah-v5 --algo ppo --seeds 1..5
  pmoe train --env Humanoid-v5 --preset official --set policy.primitives=4
  pmoe train --env HalfCheetah-v5 --env-arg ctrl_cost_weight=0.05 --out runs/cheap-control
  pmoe train --resume runs/cheap-control --steps 2e6
  pmoe train --resume runs/crawler --env mjcf:moved/crawler.textproto
Settings, strongest first: --set, flags, --config, --preset, defaults.
`pmoe config print --explain` lists every setting; `pmoe config check` takes the same flags.)");
}

absl::StatusOr<RunStartOptions> TrainFlags::Options() const {
  RunStartOptions options = given_;
  PMOE_ASSIGN_OR_RETURN(options.config, config_.Sources());
  PMOE_RETURN_IF_ERROR(AddSeeds(&options));
  return options;
}

absl::Status TrainFlags::AddSeeds(RunStartOptions* options) const {
  const bool is_pattern = IsSeedPattern(options->out) || IsSeedPattern(options->resume);
  if (seeds_option_->count() == 0 && takes_seeds_ && is_pattern) {
    return absl::InvalidArgumentError(absl::StrCat(
        kSeedMark,
        " stands for each seed of --seeds, and there is none: add it, like --seeds 1..5"));
  }
  if (seeds_option_->count() == 0) return absl::OkStatus();
  if (!takes_seeds_) {
    return absl::InvalidArgumentError(
        "--seeds is for `pmoe train`, where one process trains them all; a cluster trains one run: "
        "give it --seed N");
  }
  if (!options->resume.empty() && !IsSeedPattern(options->resume)) {
    return absl::InvalidArgumentError(
        "--resume goes on with all seeds of its directory: leave --seeds away");
  }
  bool names_seed = false;
  for (const auto& [path, value] : options->config.flags) names_seed |= path == "seed";
  for (const std::string& set : options->config.sets) names_seed |= absl::StartsWith(set, "seed=");
  if (names_seed) {
    return absl::InvalidArgumentError(
        "--seeds names every run's seed: leave --seed and --set seed=… away");
  }
  PMOE_ASSIGN_OR_RETURN(options->seeds, ParseSeeds(seeds_));
  return absl::OkStatus();
}

}  // namespace pmoe
