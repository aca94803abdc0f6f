// pmoe-actor: steps environments. `run` is an actor or the evaluator of a cluster; the rest serves
// `pmoe eval`, `pmoe envs` and the environment's part of `pmoe config check`.
#include <algorithm>
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "actor/actor_process.h"
#include "actor/configured_env.h"
#include "actor/env/env_list.h"
#include "actor/evaluator.h"
#include "actor/evaluator_process.h"
#include "common/base/command_line.h"
#include "common/base/file.h"
#include "common/base/interrupt.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/rpc/channel.h"
#include "common/run/run_follower.h"

namespace pmoe {
namespace {

struct EvalFlags {
  std::string run;
  int episodes = 10;
  uint64_t seed = 0;
  std::string action = "router_mean";
  std::string snapshot = "latest";
};

void AddEvalFlags(CLI::App* app, EvalFlags* flags) {
  app->add_option("--run", flags->run, "Run directory")->type_name("DIR")->required();
  app->add_option("--episodes", flags->episodes, "Episodes to play")->check(CLI::Range(1, 1000000));
  app->add_option("--seed", flags->seed, "Seed of the episodes' starts and of the router's draws");
  app->add_option("--action", flags->action,
                  "router_mean: primitive drawn by the router, tanh of its mean; "
                  "argmax_mean: of the most likely primitive; sample: full sample")
      ->check(CLI::IsMember({"router_mean", "argmax_mean", "sample"}));
  app->add_option("--snapshot", flags->snapshot, "latest or best")
      ->check(CLI::IsMember({"latest", "best"}));
  app->footer("Example:\n  pmoe eval --run runs/my-run --episodes 10 --action argmax_mean");
}

void PrintEvaluation(const Evaluation& evaluation, const EvalFlags& flags) {
  std::printf("%s snapshot of %llu env steps, %d episodes, action %s, seed %llu\n",
              flags.snapshot.c_str(), static_cast<unsigned long long>(evaluation.env_steps),
              flags.episodes, flags.action.c_str(), static_cast<unsigned long long>(flags.seed));
  std::printf("return  %.2f ± %.2f\n", evaluation.return_mean, evaluation.return_std);
  std::printf("length  %.1f ± %.1f\n", evaluation.length_mean, evaluation.length_std);
  for (size_t k = 0; k < evaluation.primitive_usage.size(); ++k) {
    std::printf("primitive %zu used in %.1f %% of the steps\n", k,
                100.0 * evaluation.primitive_usage[k]);
  }
}

absl::Status EvalCommand(const EvalFlags& flags) {
  const std::string config_file = flags.run + "/config.textproto";
  absl::StatusOr<std::string> text = ReadFile(config_file);
  if (!text.ok()) {
    return absl::NotFoundError(
        absl::StrCat("--run ", flags.run, " is not a run directory: it has no config.textproto"));
  }
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, ParseConfigText(*text, config_file));
  const std::string file = absl::StrCat(flags.run, "/snapshots/", flags.snapshot, ".pmoe");
  absl::StatusOr<std::string> bytes = ReadFile(file);
  if (!bytes.ok()) {
    return absl::NotFoundError(
        absl::StrCat(file, " does not exist yet: it is written at the run's first ",
                     flags.snapshot == "best" ? "evaluation" : "checkpoint"));
  }
  PMOE_ASSIGN_OR_RETURN(PolicySnapshot loaded, PolicySnapshot::Decode(*std::move(bytes)));
  const auto snapshot = std::make_shared<const PolicySnapshot>(std::move(loaded));

  EvaluatorOptions options;
  options.seed = flags.seed;
  options.episodes = flags.episodes;
  options.action_mode = ActionModeFromName(flags.action);
  PMOE_ASSIGN_OR_RETURN(
      const std::unique_ptr<Evaluator> evaluator,
      Evaluator::Create(options, snapshot->spec, [&config] { return MakeConfiguredEnv(config); }));
  PMOE_ASSIGN_OR_RETURN(const Evaluation evaluation,
                        evaluator->Run(snapshot, /*stream=*/0, [] { return false; }));
  PrintEvaluation(evaluation, flags);
  return absl::OkStatus();
}

void PrintEnvs() {
  std::printf("%-28s %5s %8s %7s  %s\n", "id", "obs", "actions", "steps", "what to do");
  for (const EnvInfo& env : ListEnvs()) {
    std::printf("%-28s %5d %8d %7d  %s\n", env.id.c_str(), env.obs_dim, env.action_dim,
                env.max_episode_steps, env.description.c_str());
  }
}

struct CheckEnvFlags {
  std::string env;
  std::vector<std::string> args;
  std::string assets;
};

void AddCheckEnvFlags(CLI::App* app, CheckEnvFlags* flags) {
  app->add_option("--env", flags->env, "Task")->type_name("ID")->required();
  app->add_option("--env-arg", flags->args, "Task parameter")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  app->add_option("--assets", flags->assets, "Folder of the models")->type_name("DIR");
}

absl::Status CheckEnvCommand(const CheckEnvFlags& flags) {
  RunConfig config;
  PMOE_RETURN_IF_ERROR(SetField(&config, "env.id", flags.env));
  PMOE_RETURN_IF_ERROR(SetField(&config, "env.assets", flags.assets));
  for (const std::string& arg : flags.args) {
    const size_t equals = std::min(arg.find('='), arg.size() - 1);
    PMOE_RETURN_IF_ERROR(
        SetField(&config, "env.arg." + arg.substr(0, equals), arg.substr(equals + 1)));
  }
  PMOE_RETURN_IF_ERROR(MakeConfiguredEnv(config).status());
  std::printf("environment: %s can be made\n", flags.env.c_str());
  return absl::OkStatus();
}

struct RunFlags {
  std::string learner;
  bool evaluate = false;
  int give_up_s = 600;
  std::string metrics;
  std::string audit;
  int parent = 0;
};

void AddRunFlags(CLI::App* app, RunFlags* flags) {
  app->add_option("--learner", flags->learner,
                  "Where the learner listens: unix:/path or 127.0.0.1:port")
      ->type_name("ADDR")
      ->required();
  app->add_flag("--evaluate", flags->evaluate, "Play evaluation episodes instead of collecting");
  app->add_option("--give-up", flags->give_up_s, "Seconds without a learner before it ends")
      ->type_name("S")
      ->check(CLI::Range(1, 1000000000));
  app->add_option("--metrics", flags->metrics, "Serve /metrics for Prometheus there; port 0: any")
      ->type_name("HOST:PORT");
  app->add_option("--audit", flags->audit, "Folder for a log of every row sent, for checks")
      ->type_name("DIR");
  app->add_option("--parent", flags->parent, "Ends with this process")->group("");
  app->footer(
      "Everything else (task, policy, replay's address) comes from the learner.\n"
      "Example, by hand, each in its own terminal:\n"
      "  pmoe-learner --listen unix:/tmp/learner.sock --env Hopper-v5 --out runs/by-hand\n"
      "  pmoe-replay --learner unix:/tmp/learner.sock --listen unix:/tmp/replay.sock "
      "--dir runs/by-hand/replay\n"
      "  pmoe-actor run --learner unix:/tmp/learner.sock\n"
      "  pmoe-actor run --learner unix:/tmp/learner.sock --evaluate");
}

absl::Status RunCommand(const RunFlags& flags) {
  if (flags.parent > 0) EndWithParent(flags.parent);
  const std::atomic<bool>& interrupted =
      InstallInterruptHandler("pmoe: sending what is left; once more ends it now\n", /*grace_s=*/9);
  PrepareGrpc();
  PMOE_ASSIGN_OR_RETURN(const RpcAddress learner, ParseRpcAddress(flags.learner, "--learner"));
  ActorProcessOptions options;
  options.membership.learner = learner;
  options.membership.process = MakeProcessInfo();
  options.membership.give_up = std::chrono::seconds(flags.give_up_s);
  options.metrics = flags.metrics;
  options.audit_dir = flags.audit;
  return flags.evaluate ? RunEvaluatorProcess(options, interrupted)
                        : RunActorProcess(options, interrupted);
}

}  // namespace
}  // namespace pmoe

int main(int argc, char** argv) {
  CLI::App app("Steps environments.", "pmoe");
  app.require_subcommand(1);
  pmoe::RunFlags run;
  CLI::App* run_command = app.add_subcommand("run", "Takes part in a run: collects or evaluates");
  pmoe::AddRunFlags(run_command, &run);
  pmoe::EvalFlags eval;
  CLI::App* eval_command = app.add_subcommand("eval", "Plays episodes with a run's policy");
  pmoe::AddEvalFlags(eval_command, &eval);
  CLI::App* envs_command = app.add_subcommand("envs", "Lists the environments");
  pmoe::CheckEnvFlags check;
  CLI::App* check_command = app.add_subcommand("check-env", "Makes an environment once");
  pmoe::AddCheckEnvFlags(check_command, &check);
  if (const std::optional<int> code = pmoe::ParseCommandLine(&app, argc, argv)) return *code;
  if (run_command->parsed()) return pmoe::ReportError(pmoe::RunCommand(run));
  if (envs_command->parsed()) {
    pmoe::PrintEnvs();
    return 0;
  }
  return pmoe::ReportError(check_command->parsed() ? pmoe::CheckEnvCommand(check)
                                                   : pmoe::EvalCommand(eval));
}
