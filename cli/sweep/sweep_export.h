// The same sweep for other machines' schedulers: each task trains one run by
// `pmoe sweep FILE --index I`. Pure functions.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cli/sweep/sweep_plan.h"

namespace pmoe {

struct SweepExportOptions {
  int jobs = 1;          // runs at once
  std::string pmoe{};    // Slurm: the binary's absolute path
  std::string folder{};  // Slurm: where the tasks run
  std::string image{};   // Kubernetes: with pmoe and pmoe-train
};

// An sbatch script: an array with one task per run, each of which is put back into the queue until
// its run has finished.
std::string SlurmScript(const SweepPlan& plan, const SweepExportOptions& options);

// YAML: the sweep file in a ConfigMap, a claim for the runs, an Indexed Job with one index per run.
// `sweep_text`: the file's bytes. InvalidArgumentError: the sweep's other files cannot go along.
absl::StatusOr<std::string> KubernetesManifest(const SweepPlan& plan, const std::string& sweep_text,
                                               const SweepExportOptions& options);

}  // namespace pmoe
