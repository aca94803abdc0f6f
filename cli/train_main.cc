// pmoe-train: the embedded run. `pmoe train` execs it with its own arguments.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "actor/configured_env.h"
#include "actor/env/registry.h"
#include "cli/embedded_run.h"
#include "learner/run/manifest.h"
#include "learner/run/run_directory.h"
#include "common/base/command_line.h"
#include "common/base/file.h"
#include "common/base/interrupt.h"
#include "common/base/status_macros.h"
#include "common/config/config_flags.h"
#include "common/config/run_config.h"
#include "learner/torch_info.h"

namespace pmoe {
namespace {

// A thread of LibTorch's pool that spins for a team mate which is not running starves it: beside
// any load, updates become a hundred times slower. libgomp reads its policy when it is loaded,
// before main, so the process starts itself once more.
void WaitWithoutSpinning(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/1);
  execv("/proc/self/exe", argv);  // returns only on failure: then it spins
}

// What a checkpoint cannot follow: another task, architecture or shape of the run.
absl::Status CheckResumeChanges(const std::vector<std::string>& changes) {
  for (const std::string& change : changes) {
    for (const char* fixed :
         {"seed", "algorithm", "env.", "policy.", "actor.", "replay.n_step", "learner.critics",
          "learner.critic_hidden", "learner.target_policy", "schedule.steps_per_round"}) {
      if (!absl::StartsWith(change, fixed)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("--resume cannot change ", change,
                       ": the checkpoint has another task, architecture or shape; leave the "
                       "setting away, or start a new run"));
    }
    std::printf("changed on resume: %s\n", change.c_str());
  }
  return absl::OkStatus();
}

absl::StatusOr<RunConfig> LoadConfig(const TrainFlags& flags) {
  PMOE_ASSIGN_OR_RETURN(ConfigSources sources, flags.config.Sources());
  if (flags.resume.empty()) return ResolveConfig(sources);
  if (!flags.out.empty())
    return absl::InvalidArgumentError("--resume goes on in its own directory: leave --out away");
  if (!sources.config_file.empty() || !sources.preset.empty()) {
    return absl::InvalidArgumentError(
        "--resume uses the run's own configuration: leave --config and --preset away");
  }
  const std::string file = flags.resume + "/config.textproto";
  PMOE_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  PMOE_ASSIGN_OR_RETURN(const RunConfig before, ParseConfigText(text, file));
  sources.config_file = file;
  PMOE_ASSIGN_OR_RETURN(RunConfig config, ResolveConfig(sources));
  PMOE_RETURN_IF_ERROR(CheckResumeChanges(ChangedFields(before, config)));
  return config;
}

// Everything that can be wrong with the configuration itself, before a directory is made.
absl::Status CheckRunnable(const RunConfig& config) {
  PMOE_RETURN_IF_ERROR(MakeConfiguredEnv(config).status());
  return CheckDevice(config.learner().device());
}

absl::StatusOr<RunDirectory> MakeDirectory(const TrainFlags& flags, const RunConfig& config) {
  if (!flags.resume.empty()) return RunDirectory::Open(flags.resume);
  const std::string path =
      flags.out.empty() ? DefaultRunPath(config.env().id(), config.algorithm(), config.seed())
                        : flags.out;
  return RunDirectory::Create(path);
}

absl::Status TrainCommand(const TrainFlags& flags, const std::atomic<bool>& interrupted) {
  PinMathLibraries();
  PMOE_ASSIGN_OR_RETURN(const RunConfig config, LoadConfig(flags));
  PMOE_RETURN_IF_ERROR(CheckRunnable(config));
  for (const std::string& warning : ConfigWarnings(config))
    std::printf("note: %s\n", warning.c_str());
  PMOE_ASSIGN_OR_RETURN(const RunDirectory directory, MakeDirectory(flags, config));
  const bool resume = !flags.resume.empty();
  // A new run has its configuration before anything else, so that the folder says what it is; a
  // resumed one keeps the old until its checkpoint is known to fit.
  const std::string config_file = directory.File("config.textproto");
  if (!resume) PMOE_RETURN_IF_ERROR(WriteFileAtomic(config_file, PrintConfig(config)));
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<EmbeddedRun> run,
                        EmbeddedRun::Create(config, &directory, resume));
  if (resume) PMOE_RETURN_IF_ERROR(WriteFileAtomic(config_file, PrintConfig(config)));
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(directory.File("manifest.json"),
                                       MakeManifest(config, SimulatorName(), TorchVersion())));
  std::printf("%s %s: %s, seed %llu, K = %d, %llu env steps%s\n", resume ? "resuming" : "training",
              config.env().id().c_str(), config.algorithm().c_str(),
              static_cast<unsigned long long>(config.seed()), config.policy().primitives(),
              static_cast<unsigned long long>(run->total_steps()),
              resume ? absl::StrCat(" from ", run->env_steps()).c_str() : "");
  std::printf("run directory: %s\n", directory.path().c_str());
  std::fflush(stdout);
  const absl::Status status = run->Train(interrupted);
  if (!status.ok()) {
    return absl::Status(
        status.code(),
        absl::StrCat(std::string(status.message()), "\nThe run stopped at ", run->env_steps(),
                     " env steps; what was saved before is in ", directory.path()));
  }
  if (run->env_steps() < run->total_steps()) {
    std::printf("stopped at %llu of %llu env steps; go on with: ./pmoe train --resume %s\n",
                static_cast<unsigned long long>(run->env_steps()),
                static_cast<unsigned long long>(run->total_steps()), directory.path().c_str());
  } else {
    std::printf("finished; look at it with: ./pmoe eval --run %s\n", directory.path().c_str());
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace pmoe

int main(int argc, char** argv) {
  pmoe::WaitWithoutSpinning(argv);
  CLI::App app;
  pmoe::TrainFlags flags;
  flags.AddTo(&app);
  if (const std::optional<int> code = pmoe::ParseCommandLine(&app, argc, argv)) return *code;
  const std::atomic<bool>& interrupted = pmoe::InstallInterruptHandler(
      "\npmoe: finishing the round and writing a checkpoint; once more ends it now\n",
      /*grace_s=*/0);
  return pmoe::ReportError(pmoe::TrainCommand(flags, interrupted));
}
