// `pmoe export`: a run's policy as a file for other programs.

#include <cstdio>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "actor/command/commands.h"
#include "actor/command/policy_flags.h"
#include "actor/configured_env.h"
#include "actor/export/policy_export.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

class ExportCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const command =
        app->add_subcommand("export", "Writes a run's policy for other programs: ONNX, C or NumPy");
    run_.AddTo(command);
    command
        ->add_option("--out", out_,
                     "File to write: .onnx (onnxruntime), .h (C99 without any library) or .npz "
                     "(NumPy)")
        ->type_name("FILE")
        ->required();
    command->footer(
        "Each file holds the first steps of a real episode, and can be checked anywhere:\n"
        "python3 python/pmoe/check.py FILE (with the wheel: python -m pmoe.check FILE).\n"
        "docs/export.md has its inputs and outputs.\n"
        "Examples:\n"
        "  pmoe export --run runs/my-run --snapshot best --out policy.onnx\n"
        "  pmoe export --run runs/my-run --out policy.h");
    return command;
  }

  absl::StatusOr<int> Run() override {
    PMOE_RETURN_IF_ERROR(CheckExportPath(out_));
    PMOE_ASSIGN_OR_RETURN(const LoadedRun run, run_.LoadPolicy());
    absl::StatusOr<std::unique_ptr<Env>> env = MakeConfiguredEnv(run.config);
    // LoadPolicy has looked at one that is here.
    if (!env.ok()) {
      Log(LogLevel::kWarning, "the run's task is not here (", std::string(env.status().message()),
          "): the file is checked by drawn observations in place of an episode's, and has no "
          "control rate. --env says where the task lies now");
    }
    PMOE_ASSIGN_OR_RETURN(
        const ExportedPolicy policy,
        CollectPolicy(run.snapshot, run.config.env().id(), env.ok() ? env->get() : nullptr));
    PMOE_RETURN_IF_ERROR(ExportPolicy(policy, out_));
    std::printf("%s: %s snapshot of %llu env steps, %d golden steps\n", out_.c_str(),
                run_.snapshot().c_str(), static_cast<unsigned long long>(run.snapshot->env_steps),
                policy.golden.steps);
    return 0;
  }

 private:
  RunFlags run_;
  std::string out_;
};

}  // namespace

std::unique_ptr<Command> MakeExportCommand() { return std::make_unique<ExportCommand>(); }

}  // namespace pmoe
