#include "cli/train/begin_run.h"

#include "actor/configured_env.h"
#include "actor/env/registry.h"
#include "actor/env_record.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "learner/torch_info.h"
#include "replay/load/demos.h"
#include "run/manifest.h"
#include "run/run_env.h"
#include "run/run_start.h"

namespace pmoe {

absl::StatusOr<EnvRecord> CheckRunnable(const RunConfig& config, bool resume) {
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> env, MakeConfiguredEnv(config));
  PMOE_RETURN_IF_ERROR(CheckDevice(config.learner().device()));
  // A run that goes on has the rows in a table.
  const TableSpec columns = {env->spec().obs_dim, static_cast<int>(env->spec().action_low.size())};
  if (!resume) PMOE_RETURN_IF_ERROR(CheckDemos(config, columns));
  return RecordEnv(*env);
}

absl::Status KeepBeginning(const RunDirectory& directory, const RunConfig& config,
                           const EnvRecord& env) {
  PMOE_RETURN_IF_ERROR(SaveRunConfig(directory, config));
  PMOE_RETURN_IF_ERROR(KeepRunEnv(directory, env.spec));
  return KeepEnvFiles(directory.path(), env);
}

absl::StatusOr<std::unique_ptr<EmbeddedRun>> BeginRun(const RunDirectory& directory,
                                                      const RunConfig& config, const EnvRecord& env,
                                                      const BeginOptions& options) {
  PMOE_ASSIGN_OR_RETURN(
      std::unique_ptr<EmbeddedRun> run,
      EmbeddedRun::Create(config, &directory, options.resume, options.show_progress));
  if (options.resume) PMOE_RETURN_IF_ERROR(KeepBeginning(directory, config, env));
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(directory.File("manifest.json"),
                                       MakeManifest(config, SimulatorName(), TorchVersion())));
  return run;
}

}  // namespace pmoe
