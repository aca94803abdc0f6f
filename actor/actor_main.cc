// pmoe-actor: steps environments. Today it serves `pmoe eval`.
#include <cstdio>
#include <map>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "actor/env/registry.h"
#include "actor/evaluator.h"
#include "common/base/command_line.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"

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
  app->add_option("--action", flags->action, "router_mean: primitive drawn by the router, tanh of its mean; "
                                             "argmax_mean: of the most likely primitive; sample: full sample")
      ->check(CLI::IsMember({"router_mean", "argmax_mean", "sample"}));
  app->add_option("--snapshot", flags->snapshot, "latest or best")->check(CLI::IsMember({"latest", "best"}));
  app->footer("Example:\n  pmoe eval --run runs/my-run --episodes 10 --action argmax_mean");
}

void PrintEvaluation(const Evaluation& evaluation, const EvalFlags& flags) {
  std::printf("%s snapshot of %llu env steps, %d episodes, action %s, seed %llu\n", flags.snapshot.c_str(),
              static_cast<unsigned long long>(evaluation.env_steps), flags.episodes, flags.action.c_str(),
              static_cast<unsigned long long>(flags.seed));
  std::printf("return  %.2f ± %.2f\n", evaluation.return_mean, evaluation.return_std);
  std::printf("length  %.1f ± %.1f\n", evaluation.length_mean, evaluation.length_std);
  for (size_t k = 0; k < evaluation.primitive_usage.size(); ++k) {
    std::printf("primitive %zu used in %.1f %% of the steps\n", k, 100.0 * evaluation.primitive_usage[k]);
  }
}

absl::Status EvalCommand(const EvalFlags& flags) {
  const std::string config_file = flags.run + "/config.textproto";
  absl::StatusOr<std::string> text = ReadFile(config_file);
  if (!text.ok()) {
    return absl::NotFoundError(absl::StrCat("--run ", flags.run, " is not a run directory: it has no config.textproto"));
  }
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, ParseConfigText(*text, config_file));
  const std::string file = absl::StrCat(flags.run, "/snapshots/", flags.snapshot, ".pmoe");
  absl::StatusOr<std::string> bytes = ReadFile(file);
  if (!bytes.ok()) {
    return absl::NotFoundError(absl::StrCat(file, " does not exist yet: it is written at the run's first ",
                                            flags.snapshot == "best" ? "evaluation" : "checkpoint"));
  }
  PMOE_ASSIGN_OR_RETURN(PolicySnapshot loaded, PolicySnapshot::Decode(*std::move(bytes)));
  const auto snapshot = std::make_shared<const PolicySnapshot>(std::move(loaded));

  EvaluatorOptions options;
  options.seed = flags.seed;
  options.episodes = flags.episodes;
  options.action_mode = flags.action == "sample"        ? ActionMode::kSample
                        : flags.action == "argmax_mean" ? ActionMode::kArgmaxMean
                                                        : ActionMode::kRouterMean;
  std::map<std::string, std::string> args;
  for (const EnvArg& arg : config.env().arg()) args[arg.name()] = arg.value();
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Evaluator> evaluator, Evaluator::Create(options, snapshot->spec, [&] {
                          return MakeEnv(config.env().id(), args, config.env().assets());
                        }));
  PMOE_ASSIGN_OR_RETURN(const Evaluation evaluation, evaluator->Run(snapshot, /*stream=*/0, [] { return false; }));
  PrintEvaluation(evaluation, flags);
  return absl::OkStatus();
}

}  // namespace
}  // namespace pmoe

int main(int argc, char** argv) {
  CLI::App app("Steps environments.", "pmoe-actor");
  app.require_subcommand(1);
  pmoe::EvalFlags eval;
  CLI::App* eval_command = app.add_subcommand("eval", "Plays episodes with a run's policy");
  pmoe::AddEvalFlags(eval_command, &eval);
  if (const std::optional<int> code = pmoe::ParseCommandLine(&app, argc, argv)) return *code;
  return pmoe::ReportError(pmoe::EvalCommand(eval));
}
