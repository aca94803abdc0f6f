// pmoe-learner: updates the policy, serves the control plane, writes the run directory.
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/command_line.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/base/interrupt.h"
#include "common/base/log.h"
#include "common/base/package.h"
#include "common/base/status_macros.h"
#include "common/config/config_flags.h"
#include "common/config/run_config.h"
#include "common/rpc/channel.h"
#include "common/rpc/security_flags.h"
#include "dashboard/run_dashboard.h"
#include "learner/cluster_run.h"
#include "learner/torch_info.h"
#include "replay/load/demos.h"
#include "run/learner_threads.h"
#include "run/manifest.h"
#include "run/run_start.h"

namespace pmoe {
namespace {

struct LearnerFlags {
  TrainFlags train;
  DashboardFlags dashboard;
  std::string listen;
  std::string metrics;
  SecurityFlags security;
  int parent = 0;
  std::string command;  // what the user typed to start it; empty: what started it tells
};

void AddFlags(CLI::App* app, LearnerFlags* flags) {
  app->add_option("--listen", flags->listen,
                  "Where members find this learner: unix:/path or host:port")
      ->type_name("ADDR")
      ->required();
  flags->train.AddOptions(app);
  flags->train.AddOrResume(app);
  app->add_option("--metrics", flags->metrics, "Serve /metrics for Prometheus there; port 0: any")
      ->type_name("HOST:PORT");
  flags->dashboard.AddTo(app);
  flags->security.AddTo(app);
  app->add_option("--parent", flags->parent, "Ends with this process")->group("");
  app->add_option("--command", flags->command, "Named as the way to go on")->group("");
  app->footer(
      "`pmoe up` starts a whole cluster; by hand, each in its own terminal:\n"
      "  pmoe-learner --listen unix:/tmp/learner.sock --env Hopper-v5 --out runs/by-hand\n"
      "  pmoe-replay --learner unix:/tmp/learner.sock --listen unix:/tmp/replay.sock "
      "--dir runs/by-hand/replay\n"
      "  pmoe-actor run --learner unix:/tmp/learner.sock\n"
      "  pmoe-actor run --learner unix:/tmp/learner.sock --evaluate\n"
      "Over TCP, with certificates of `pmoe certs init --out certs`:\n"
      "  pmoe-learner --listen 0.0.0.0:7000 --tls certs/learner --env Hopper-v5 --out runs/tcp\n"
      "The mode is async unless --mode says lockstep. Watch it with: pmoe status --run DIR");
}

// The words before --resume: of what started this learner, as `pmoe up`, or the learner's own.
std::string CommandToGoOn(const LearnerFlags& flags) {
  if (!flags.command.empty()) return flags.command;
  const std::string insecure = flags.security.insecure ? " --insecure" : "";
  if (flags.parent > 0) {
    const bool tcp = !absl::StartsWith(flags.listen, "unix:");
    return absl::StrCat(UserCommand(), " up", tcp ? " --tcp" : "", insecure);
  }
  return absl::StrCat("pmoe-learner --listen ", ShellWord(flags.listen),
                      flags.security.tls.empty() ? "" : " --tls " + ShellWord(flags.security.tls),
                      insecure);
}

absl::Status LearnerCommand(const LearnerFlags& flags, const std::atomic<bool>& interrupted) {
  PrepareMathLibraries();
  PrepareGrpc();
  PMOE_ASSIGN_OR_RETURN(const RpcSecurity security, flags.security.Load(PeerRole::kLearner));
  PMOE_ASSIGN_OR_RETURN(const RpcAddress listen, security.ParseAddress(flags.listen, "--listen"));
  PMOE_RETURN_IF_ERROR(flags.dashboard.Check());
  PMOE_ASSIGN_OR_RETURN(RunStartOptions start, flags.train.Options());
  PMOE_RETURN_IF_ERROR(ApplyOrResume(&start));
  PMOE_ASSIGN_OR_RETURN(RunConfig config, LoadRunConfig(start, "async"));
  const std::string threads = SettleLearnerThreads(FreeCores(config), &config);
  if (!threads.empty()) Log(LogLevel::kInfo, threads);
  PMOE_RETURN_IF_ERROR(CheckDevice(config.learner().device()));
  const bool resume = !start.resume.empty();
  // Its columns are held against the task once an actor has said what that is.
  if (!resume) PMOE_RETURN_IF_ERROR(CheckDemos(config, std::nullopt));
  PMOE_ASSIGN_OR_RETURN(const RunDirectory directory, OpenRunDirectory(start, config));
  const absl::Status unfinished = CheckUnfinished(directory.path(), config);
  if (start.or_resume && !unfinished.ok()) {
    Say(unfinished.message());
    return absl::OkStatus();
  }
  PMOE_RETURN_IF_ERROR(unfinished);
  PMOE_RETURN_IF_ERROR(SaveRunConfig(directory, config));
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<ClusterRun> run,
                        ClusterRun::Create(config, &directory, security, listen, flags.metrics,
                                           start.allow_other_env));
  PMOE_ASSIGN_OR_RETURN(
      const std::unique_ptr<Dashboard> dashboard,
      StartRunDashboard(flags.dashboard, directory.path(), [&run] { return run->Status(); }));
  const absl::Status prepared = run->Prepare(resume, interrupted);
  if (absl::IsCancelled(prepared) && interrupted) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(prepared);
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(directory.File("manifest.json"),
                                       MakeManifest(config, run->simulator(), TorchVersion())));
  const std::string command = CommandToGoOn(flags);
  const absl::Status trained = run->Train(interrupted);
  PMOE_RETURN_IF_ERROR(DescribeFailure(trained, directory, command, run->env_steps()));
  Say(DescribeEnd(directory, command, run->env_steps(), run->total_steps()));
  return absl::OkStatus();
}

}  // namespace
}  // namespace pmoe

int main(int argc, char** argv) {
  pmoe::WaitWithoutSpinning(argv);
  CLI::App app("Updates the policy and leads a cluster.", "pmoe-learner");
  pmoe::LearnerFlags flags;
  pmoe::AddFlags(&app, &flags);
  if (const std::optional<int> code = pmoe::ParseCommandLine(&app, argc, argv)) return *code;
  if (flags.parent > 0) pmoe::EndWithParent(flags.parent);
  const std::atomic<bool>& interrupted = pmoe::InstallInterruptHandler(
      "\npmoe: writing a checkpoint; once more ends it now\n", /*grace_s=*/60);
  return pmoe::ReportError(pmoe::LearnerCommand(flags, interrupted));
}
