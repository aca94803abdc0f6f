// What `pmoe train` does between its configuration and the loop, for one run or for one of several.
// Free functions; any thread.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "cli/train/embedded_run.h"
#include "control/wire/env_folder.h"
#include "proto/config.pb.h"
#include "run/run_directory.h"

namespace pmoe {

// Everything that can be wrong with the configuration itself and the files that a new run reads,
// before a directory is made; what its task is made of.
absl::StatusOr<EnvRecord> CheckRunnable(const RunConfig& config, bool resume);

// The configuration, and what the task is made of: the first that a new run's directory holds.
absl::Status KeepBeginning(const RunDirectory& directory, const RunConfig& config,
                           const EnvRecord& env);

struct BeginOptions {
  bool resume = false;
  bool show_progress = true;
};

// The run in its directory, which has its beginning (new) or was checked with CheckRunEnv (resumed:
// it keeps the old beginning until its checkpoint is known to fit). Writes manifest.json.
// `directory` outlives the run.
absl::StatusOr<std::unique_ptr<EmbeddedRun>> BeginRun(const RunDirectory& directory,
                                                      const RunConfig& config, const EnvRecord& env,
                                                      const BeginOptions& options);

}  // namespace pmoe
