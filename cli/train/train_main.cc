// pmoe-train: the embedded run. `pmoe train` execs it with its own arguments.
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "cli/end_video.h"
#include "cli/train/begin_run.h"
#include "cli/train/embedded_run.h"
#include "cli/train/train_seeds.h"
#include "common/base/command_line.h"
#include "common/base/exit_code.h"
#include "common/base/interrupt.h"
#include "common/base/log.h"
#include "common/base/package.h"
#include "common/base/status_macros.h"
#include "common/config/config_flags.h"
#include "common/config/run_config.h"
#include "dashboard/run_dashboard.h"
#include "learner/torch_info.h"
#include "run/learner_threads.h"
#include "run/run_directory.h"
#include "run/run_env.h"
#include "run/run_start.h"

namespace pmoe {
namespace {

absl::Status TrainCommand(const TrainFlags& flags, const DashboardFlags& dashboard_flags,
                          const std::atomic<bool>& interrupted) {
  PrepareMathLibraries();
  PMOE_RETURN_IF_ERROR(dashboard_flags.Check());
  PMOE_ASSIGN_OR_RETURN(const RunStartOptions start, flags.Options());
  if (WantsSeeds(start)) return TrainSeeds(start, dashboard_flags, interrupted);
  if (start.jobs > 0) {
    return absl::InvalidArgumentError(
        "--jobs goes with --seeds: one run has nothing to run beside; leave it away");
  }
  PMOE_ASSIGN_OR_RETURN(RunConfig config, LoadRunConfig(start, /*default_mode=*/""));
  const std::string threads = SettleLearnerThreads(FreeCores(config), &config);
  const bool resume = !start.resume.empty();
  PMOE_ASSIGN_OR_RETURN(const EnvRecord env, CheckRunnable(config, resume));
  PMOE_ASSIGN_OR_RETURN(const RunDirectory directory, OpenRunDirectory(start, config));
  // A new run has its configuration before anything else, so that the folder says what it is; a
  // resumed one keeps the old until its checkpoint is known to fit.
  if (!resume) {
    PMOE_RETURN_IF_ERROR(KeepBeginning(directory, config, env));
  } else {
    PMOE_RETURN_IF_ERROR(CheckRunEnv(directory, env.spec, start.allow_other_env));
  }
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<EmbeddedRun> run,
                        BeginRun(directory, config, env, {.resume = resume}));
  // Not before: beside an error they would only be in its way.
  if (!threads.empty()) Log(LogLevel::kInfo, threads);
  for (const std::string& warning : ConfigWarnings(config)) Log(LogLevel::kInfo, warning);
  Say(resume ? "resuming " : "training ", config.env().id(), ": ", config.algorithm(), ", seed ",
      config.seed(), ", K = ", config.policy().primitives(), ", ", run->total_steps(), " env steps",
      resume ? absl::StrCat(" from ", run->env_steps()) : "");
  Say("run directory: ", directory.path());
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Dashboard> dashboard,
                        StartRunDashboard(dashboard_flags, directory.path(),
                                          [&run] { return run->Status(); }));
  const std::string command = UserCommand() + " train";
  const absl::Status trained = run->Train(interrupted);
  PMOE_RETURN_IF_ERROR(DescribeFailure(trained, directory, command, run->env_steps()));
  Say(DescribeEnd(directory, command, run->env_steps(), run->total_steps()));
  const bool finished = run->env_steps() >= run->total_steps();
  if (finished && config.observe().video()) WriteEndVideo(directory.path(), interrupted);
  return absl::OkStatus();
}

}  // namespace
}  // namespace pmoe

int main(int argc, char** argv) {
  pmoe::WaitWithoutSpinning(argv);
  CLI::App app;
  pmoe::TrainFlags flags;
  pmoe::DashboardFlags dashboard;
  flags.AddTo(&app);
  dashboard.AddTo(&app);
  int parent = 0;
  app.add_option("--parent", parent, "Ends with this process")->group("");
  if (const std::optional<int> code = pmoe::ParseCommandLine(&app, argc, argv)) return *code;
  if (parent > 0) pmoe::EndWithParent(parent);
  const std::atomic<bool>& interrupted = pmoe::InstallInterruptHandler(
      "\npmoe: finishing the round and writing a checkpoint; once more ends it now\n",
      /*grace_s=*/0);
  return pmoe::ReportError(pmoe::TrainCommand(flags, dashboard, interrupted));
}
