#include "run/run_start.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/package.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/config/run_config_file.h"
#include "control/wire/env_identity.h"

namespace pmoe {
namespace {

// Where a task's files lie may change: what they hold is compared when the environment is made.
absl::Status CheckEnvChanges(const EnvConfig& before, const EnvConfig& after) {
  const auto args = [](const EnvConfig& env) {
    std::map<std::string, std::string> args;
    for (const EnvArg& arg : env.arg()) args[arg.name()] = arg.value();
    args.erase(kModelFileArg);
    return args;
  };
  const std::string kind = FileKind(after.id());
  const bool same_task =
      before.id() == after.id() || (!kind.empty() && kind == FileKind(before.id()));
  if (same_task && args(before) == args(after)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--resume cannot change ",
      same_task ? "the task's parameters"
                : absl::StrCat("env.id: ", before.id(), " -> ", after.id()),
      ": the checkpoint has another task; leave the setting away, or start a new run"));
}

// What a checkpoint cannot follow: another task, architecture or shape of the run. `before` with
// the defaults of what it does not name, which an older build did not know.
absl::Status CheckFixed(const RunConfig& before, const RunConfig& after) {
  const bool lockstep = IsLockstep(after);
  std::vector<std::string> fixed = {"seed",
                                    "algorithm",
                                    "policy.",
                                    "replay.n_step",
                                    "replay.selector",
                                    "replay.max_times_sampled",
                                    "replay.priority_alpha",
                                    "learner.critics",
                                    "learner.critic_hidden",
                                    "learner.critic_quantiles",
                                    "learner.quantile_critics",
                                    "learner.critic_norm",
                                    "learner.target_policy",
                                    "learner.value_net",
                                    "learner.rank_by",
                                    "learner.qnet_",
                                    "learner.router_loss",
                                    "learner.ppo_r",
                                    "schedule.mode"};
  // Actors may come and go in async; a lockstep round is cut by their number.
  if (lockstep) fixed.insert(fixed.end(), {"actor.", "schedule.steps_per_round"});
  // With lag 1 the rows of a rollout keep what their actor's log-probability was.
  if (lockstep && AlgorithmOf(after).on_policy()) fixed.emplace_back("schedule.lag");
  PMOE_RETURN_IF_ERROR(CheckEnvChanges(before.env(), after.env()));
  // Where the file lies counts for nothing any more: its rows are in a table.
  if ((DemoRows(before) > 0) != (DemoRows(after) > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--resume cannot ", DemoRows(after) > 0 ? "add" : "leave out",
                     " demonstrations (replay.demos, replay.demo_share): the checkpoint ",
                     DemoRows(after) > 0 ? "has no table of them" : "has a table of them",
                     "; leave the setting away, or start a new run"));
  }
  for (const std::string& change : ChangedFields(before, after)) {
    for (const std::string& prefix : fixed) {
      if (!absl::StartsWith(change, prefix)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("--resume cannot change ", change,
                       ": the checkpoint has another task, architecture or shape; leave the "
                       "setting away, or start a new run"));
    }
  }
  return absl::OkStatus();
}

// What --set, or else the flag, makes of the setting at `path`; nullopt: neither names it.
std::optional<std::string> Said(const ConfigSources& sources, absl::string_view path) {
  std::optional<std::string> said;
  for (const auto& [flag_path, value] : sources.flags) {
    if (flag_path == path) said = value;
  }
  for (absl::string_view set : sources.sets) {
    if (absl::ConsumePrefix(&set, absl::StrCat(path, "="))) said = std::string(set);
  }
  return said;
}

bool NamesMode(const ConfigSources& sources) {
  return Said(sources, "schedule.mode").has_value() || !sources.config_file.empty();
}

absl::Status CheckSameAlgorithm(const RunConfig& before, const ConfigSources& sources) {
  const std::string said = Said(sources, "algorithm").value_or(before.algorithm());
  if (said == before.algorithm()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--resume cannot change algorithm: ", before.algorithm(), " -> ", said,
      ": the checkpoint is of another learner; leave --algo away, or start a new run"));
}

// "go on with: ./pmoe train --resume runs/a", if there is something to go on from.
std::string HowToGoOn(const RunDirectory& directory, const std::string& command,
                      uint64_t env_steps) {
  const absl::StatusOr<uint64_t> newest = directory.NewestCheckpoint();
  if (!newest.ok()) return "there is no checkpoint to go on from; start it anew with another --out";
  return absl::StrCat(
      *newest == env_steps ? "" : absl::StrCat("from its checkpoint at ", *newest, " env steps, "),
      "go on with: ", command, " --resume ", ShellWord(directory.path()));
}

}  // namespace

std::string ShellWord(absl::string_view word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("/._-+,:@%=", c);
  });
  if (plain) return std::string(word);
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

absl::Status ApplyOrResume(RunStartOptions* options) {
  if (!options->or_resume) return absl::OkStatus();
  if (options->out.empty()) {
    return absl::InvalidArgumentError(
        "--or-resume needs --out, the directory of the run to start or to go on with");
  }
  if (!std::filesystem::exists(options->out + "/config.textproto")) return absl::OkStatus();
  options->resume = std::exchange(options->out, "");
  // A run that has begun has a configuration of its own.
  options->config.preset.clear();
  options->config.config_file.clear();
  return absl::OkStatus();
}

absl::StatusOr<RunConfig> LoadRunConfig(const RunStartOptions& options,
                                        const std::string& default_mode) {
  ConfigSources sources = options.config;
  if (options.resume.empty()) {
    if (!default_mode.empty() && !NamesMode(sources)) {
      sources.flags.emplace_back("schedule.mode", default_mode);
    }
    return ResolveConfig(sources);
  }
  if (!options.out.empty())
    return absl::InvalidArgumentError("--resume goes on in its own directory: leave --out away");
  if (!sources.config_file.empty() || !sources.preset.empty()) {
    return absl::InvalidArgumentError(
        "--resume uses the run's own configuration: leave --config and --preset away");
  }
  PMOE_ASSIGN_OR_RETURN(const RunConfig before, ReadRunConfig(options.resume, "--resume"));
  ConfigSources own;
  own.config_file = options.resume + "/config.textproto";
  const absl::StatusOr<RunConfig> own_config = ResolveConfig(own);
  const RunConfig& completed = own_config.ok() ? *own_config : before;
  // First: what one algorithm's settings are to another is not what the user needs to know.
  PMOE_RETURN_IF_ERROR(CheckSameAlgorithm(completed, sources));
  sources.config_file = own.config_file;
  PMOE_ASSIGN_OR_RETURN(RunConfig config, ResolveConfig(sources));
  PMOE_RETURN_IF_ERROR(CheckFixed(completed, config));
  if (options.quiet) return config;
  for (const std::string& change : ChangedFields(before, config)) {
    Say("changed on resume: ", change);
  }
  return config;
}

absl::StatusOr<RunDirectory> OpenRunDirectory(const RunStartOptions& options,
                                              const RunConfig& config) {
  if (!options.resume.empty()) return RunDirectory::Open(options.resume);
  if (!options.out.empty()) return RunDirectory::Create(options.out);
  PMOE_ASSIGN_OR_RETURN(const std::string made,
                        MakeDefaultRunFolder(config.env().id(), config.algorithm(),
                                             absl::StrCat("s", config.seed())));
  return RunDirectory::Create(made);
}

std::vector<std::string> ResumeWords(const std::string& directory, const RunConfig& config) {
  std::vector<std::string> words = {"--resume", directory};
  const absl::StatusOr<std::string> text = ReadText(directory + "/config.textproto");
  if (!text.ok()) return words;
  const absl::StatusOr<RunConfig> before = ParseConfigText(*text);
  if (!before.ok()) return words;
  for (const auto& [path, value] : ChangedValues(*before, config)) {
    words.insert(words.end(), {"--set", absl::StrCat(path, "=", value)});
  }
  return words;
}

absl::Status SaveRunConfig(const RunDirectory& directory, const RunConfig& config) {
  return WriteFileAtomic(directory.File("config.textproto"), RunConfigText(config));
}

absl::Status CheckUnfinished(const std::string& directory, const RunConfig& config) {
  const absl::StatusOr<uint64_t> newest = NewestCheckpointIn(directory);
  const uint64_t total = static_cast<uint64_t>(config.schedule().total_steps());
  if (!newest.ok() || *newest < total) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the run in ", directory, " has finished: it has ", *newest, " of ", total,
                   " env steps; make it longer with --steps"));
}

std::string DescribeEnd(const RunDirectory& directory, const std::string& command,
                        uint64_t env_steps, uint64_t total_steps) {
  if (env_steps < total_steps) {
    return absl::StrCat("stopped at ", env_steps, " of ", total_steps, " env steps; ",
                        HowToGoOn(directory, command, env_steps));
  }
  return absl::StrCat("finished; look at it with: ", UserCommand(), " eval --run ",
                      ShellWord(directory.path()));
}

absl::Status DescribeFailure(const absl::Status& status, const RunDirectory& directory,
                             const std::string& command, uint64_t env_steps) {
  if (status.ok()) return status;
  return absl::Status(
      status.code(), absl::StrCat(std::string(status.message()), "\nThe run stopped at ", env_steps,
                                  " env steps; ", HowToGoOn(directory, command, env_steps)));
}

}  // namespace pmoe
