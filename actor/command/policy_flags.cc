#include "actor/command/policy_flags.h"

#include <algorithm>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "actor/command/settled_env.h"
#include "actor/command/zoo.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/config/run_config_file.h"

namespace pmoe {

void RunFlags::AddTo(CLI::App* app) {
  CLI::Option* const run = app->add_option("--run", run_, "Run directory")->type_name("DIR");
  app->add_option("--zoo", zoo_,
                  "Instead: a trained policy of a checkout's zoo/README.md, e.g. Hopper-v5-ppo")
      ->type_name("NAME")
      ->excludes(run);
  app->add_option("--snapshot", snapshot_, "latest or best; default: latest, of the zoo best")
      ->check(CLI::IsMember({"latest", "best"}));
  app->add_option("--env", env_, "Where the run's task lies now, e.g. mjcf:moved/task.textproto")
      ->type_name("ID");
  app->add_option("--env-arg", env_args_,
                  "Task parameter in place of the run's, e.g. xml_file=moved/robot.xml; repeatable")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  app->add_option("--python", python_, "Interpreter of gym: in place of the run's")
      ->type_name("FILE");
  app->add_flag("--allow-other-env", allow_other_env_,
                "Go on although the task or its model is not the one that the run was made with");
}

std::string RunFlags::snapshot() const {
  if (!snapshot_.empty()) return snapshot_;
  return zoo_.empty() ? "latest" : "best";
}

absl::StatusOr<std::string> RunFlags::Directory() const {
  if (!zoo_.empty()) return ZooRun(zoo_);
  if (!run_.empty()) return run_;
  return absl::InvalidArgumentError(
      "--run is missing: name a run directory, or by --zoo NAME a policy of a checkout's zoo");
}

absl::StatusOr<LoadedRun> RunFlags::Load() const {
  PMOE_ASSIGN_OR_RETURN(const std::string directory, Directory());
  PMOE_ASSIGN_OR_RETURN(LoadedRun loaded, Read(directory));
  PMOE_RETURN_IF_ERROR(Settle(directory, &loaded));
  return loaded;
}

absl::StatusOr<LoadedRun> RunFlags::LoadPolicy() const {
  PMOE_ASSIGN_OR_RETURN(const std::string directory, Directory());
  PMOE_ASSIGN_OR_RETURN(LoadedRun loaded, Read(directory));
  const absl::Status settled = Settle(directory, &loaded);
  if (!absl::IsNotFound(settled)) PMOE_RETURN_IF_ERROR(settled);
  return loaded;
}

absl::Status RunFlags::Settle(const std::string& directory, LoadedRun* run) const {
  if (!env_.empty()) run->config.mutable_env()->set_id(env_);
  for (const std::string& arg : env_args_) {
    const size_t equals = std::min(arg.find('='), arg.size());
    if (equals == 0 || equals == arg.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--env-arg must be NAME=VALUE, got \"", arg, "\""));
    }
    PMOE_RETURN_IF_ERROR(
        SetField(&run->config, "env.arg." + arg.substr(0, equals), arg.substr(equals + 1)));
  }
  if (!python_.empty()) run->config.mutable_env()->set_python(python_);
  const bool may_use_copy = env_.empty() && env_args_.empty();
  return SettleEnv(directory, run->snapshot->spec, {allow_other_env_, may_use_copy}, &run->config);
}

absl::StatusOr<LoadedRun> RunFlags::Read(const std::string& run) const {
  LoadedRun loaded;
  const char* const flag = zoo_.empty() ? "--run" : "--zoo";
  absl::StatusOr<RunConfig> config = ReadValidRunConfig(run, flag);
  if (!config.ok() && !absl::IsNotFound(config.status())) {
    return absl::Status(config.status().code(), absl::StrCat(flag, " ", config.status().message()));
  }
  PMOE_RETURN_IF_ERROR(config.status());
  loaded.config = *std::move(config);
  const std::string which = snapshot();
  const std::string file = absl::StrCat(run, "/snapshots/", which, ".pmoe");
  absl::StatusOr<std::string> bytes = ReadFile(file);
  if (!bytes.ok() && !zoo_.empty()) {
    return absl::NotFoundError(
        absl::StrCat(file, " is not there: the zoo has each policy's best snapshot only"));
  }
  if (!bytes.ok()) {
    return absl::NotFoundError(
        absl::StrCat(file, " does not exist yet: it is written at the run's first ",
                     which == "best" ? "evaluation" : "checkpoint"));
  }
  absl::StatusOr<PolicySnapshot> snapshot = PolicySnapshot::Decode(*std::move(bytes));
  if (!snapshot.ok() && !zoo_.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        file, " cannot be used (", snapshot.status().message(), "); git checkout ", run));
  }
  if (!snapshot.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        file, " cannot be used (", snapshot.status().message(), "); take --snapshot ",
        which == "best" ? "latest" : "best", ", or resume the run, which writes it anew"));
  }
  loaded.snapshot = std::make_shared<const PolicySnapshot>(*std::move(snapshot));
  return loaded;
}

void PolicyFlags::AddTo(CLI::App* app, int default_episodes) {
  episodes_ = default_episodes;
  app->add_option("--episodes", episodes_, "Episodes to play")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app->add_option("--episode-steps-max", episode_steps_max_,
                  "Cut an episode after so many steps; default: observe.eval_episode_steps_max")
      ->check(CLI::Range(1, 1000000000));
  app->add_option(
         "--primitive", primitive_,
         "Who acts: drawn by the router, its most likely one, or always that of this index")
      ->type_name("router|argmax|INDEX")
      ->capture_default_str();
  app->add_option("--action", action_, "tanh of the primitive's mean, or a sample")
      ->check(CLI::IsMember({"mean", "sample"}))
      ->capture_default_str();
  app->add_option("--obs-noise", obs_noise_,
                  "Standard deviation of Gaussian noise on everything that the policy sees")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app->add_option("--seed", seed_, "Seed of the starts, of the router's draws and of the noise")
      ->capture_default_str();
}

absl::StatusOr<EvaluatorOptions> PolicyFlags::Options(const LoadedRun& run) const {
  const PolicySpec& policy = run.snapshot->spec;
  EvaluatorOptions options{.seed = seed_,
                           .episodes = episodes_,
                           .episode_steps_max = episode_steps_max_ > 0
                                                    ? episode_steps_max_
                                                    : run.config.observe().eval_episode_steps_max(),
                           .action = {.sample = action_ == "sample"},
                           .obs_noise = obs_noise_};
  if (primitive_ == "router") return options;
  options.action.primitive = ActionChoice::kArgmax;
  if (primitive_ == "argmax") return options;
  int index = 0;
  if (!absl::SimpleAtoi(primitive_, &index) || index < 0 || index >= policy.components()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--primitive must be router, argmax or an index from 0 to ",
                     policy.components() - 1, ", got \"", primitive_, "\""));
  }
  options.action.primitive = index;
  return options;
}

std::string PolicyFlags::Describe() const {
  return absl::StrCat("primitive ", primitive_, ", action ", action_,
                      obs_noise_ > 0 ? absl::StrCat(", observation noise ", obs_noise_) : "",
                      ", seed ", seed_);
}

}  // namespace pmoe
