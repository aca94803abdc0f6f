#include "cli/sweep/sweep_export.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace pmoe {
namespace {

// $NAME$ stands for a value; shell and YAML have braces of their own.
constexpr char kSlurm[] = R"(#!/bin/bash
# Written by `pmoe sweep $file$ --slurm`. Type: sbatch THIS_FILE
# When all tasks have ended: pmoe sweep $file$ --collect
#SBATCH --job-name=pmoe-$name$
#SBATCH --array=0-$last$%$jobs$
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=$cores$
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=pmoe-$name$-%a.out
set -u
cd '$folder$' || exit 2
srun '$pmoe$' sweep '$file$' --index "$SLURM_ARRAY_TASK_ID"
code=$?
# 3: stopped with a checkpoint before its end, as at the time limit; it goes on in another slot.
if [ "$code" -eq 3 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
)";

constexpr char kKubernetes[] =
    R"(# Written by `pmoe sweep $file$ --kubernetes`. Type: kubectl apply -f THIS_FILE
# The image needs pmoe and pmoe-train, so LibTorch and MuJoCo. On several nodes the claim needs a
# storage class that serves ReadWriteMany. Results: mount the claim, then
#   pmoe sweep /sweep/$base$ --collect
apiVersion: v1
kind: ConfigMap
metadata:
  name: pmoe-sweep-$name$
data:
  $base$: |
$text$---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: pmoe-sweep-$name$
spec:
  accessModes: [ReadWriteMany]
  resources:
    requests:
      storage: $storage$Gi
---
apiVersion: batch/v1
kind: Job
metadata:
  name: pmoe-sweep-$name$
spec:
  completionMode: Indexed
  completions: $runs$
  parallelism: $jobs$
  # Of all indices together: a stopped run goes on by a new pod.
  backoffLimit: $backoff$
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 120
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        fsGroup: 10001
      containers:
        - name: train
          image: $image$
          workingDir: /work
          command: [pmoe, sweep, /sweep/$base$, --index, $(JOB_COMPLETION_INDEX)]
          resources:
            requests: {cpu: "$cores$", memory: 1Gi}
            limits: {memory: 4Gi}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          volumeMounts:
            - {name: sweep, mountPath: /sweep, readOnly: true}
            - {name: work, mountPath: /work}
            - {name: tmp, mountPath: /tmp}
      volumes:
        - name: sweep
          configMap: {name: pmoe-sweep-$name$}
        - name: work
          persistentVolumeClaim: {claimName: pmoe-sweep-$name$}
        - name: tmp
          emptyDir: {}
)";

// As Kubernetes wants its names: lower case letters, digits, "-".
std::string LabelName(const std::string& name) {
  std::string label;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    label += std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '-';
  }
  return label;
}

// Between single quotes of a shell.
std::string Quoted(const std::string& text) { return absl::StrReplaceAll(text, {{"'", "'\\''"}}); }

// A training's main thread and its evaluator beside LibTorch's own.
int Cores(const SweepPlan& plan) {
  int threads = 1;
  for (const SweepRun& run : plan.runs) threads = std::max(threads, run.config.learner().threads());
  return threads;
}

bool NamesFiles(const SweepRun& run) {
  return absl::StrContains(run.config.env().id(), ':') || !run.config.env().assets().empty() ||
         std::find(run.words.begin(), run.words.end(), "--config") != run.words.end();
}

std::string Indented(const std::string& text) {
  std::string indented;
  for (absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    absl::StrAppend(&indented, line.empty() ? "" : "    ", line, "\n");
  }
  return indented;
}

}  // namespace

std::string SlurmScript(const SweepPlan& plan, const SweepExportOptions& options) {
  return absl::StrReplaceAll(kSlurm, {{"$file$", Quoted(plan.file)},
                                      {"$name$", LabelName(plan.Name())},
                                      {"$last$", absl::StrCat(plan.runs.size() - 1)},
                                      {"$jobs$", absl::StrCat(options.jobs)},
                                      {"$cores$", absl::StrCat(Cores(plan))},
                                      {"$folder$", Quoted(options.folder)},
                                      {"$pmoe$", Quoted(options.pmoe)}});
}

absl::StatusOr<std::string> KubernetesManifest(const SweepPlan& plan, const std::string& sweep_text,
                                               const SweepExportOptions& options) {
  if (std::filesystem::path(plan.out).is_absolute()) {
    return absl::InvalidArgumentError(
        absl::StrCat(plan.file, ": out: \"", plan.out,
                     "\" must be relative for --kubernetes: the claim is mounted at the pod's "
                     "working folder"));
  }
  for (const SweepRun& run : plan.runs) {
    if (!NamesFiles(run)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        plan.file,
        ": --kubernetes takes the sweep file alone along, but it names another one (config, or a "
        "task's); write its settings as set, or run the pods by hand with an image that has it"));
  }
  const size_t runs = plan.runs.size();
  return absl::StrReplaceAll(kKubernetes,
                             {{"$file$", plan.file},
                              {"$base$", std::filesystem::path(plan.file).filename().string()},
                              {"$name$", LabelName(plan.Name())},
                              {"$text$", Indented(sweep_text)},
                              {"$runs$", absl::StrCat(runs)},
                              {"$jobs$", absl::StrCat(options.jobs)},
                              {"$backoff$", absl::StrCat(6 * runs)},
                              {"$storage$", absl::StrCat(std::max<size_t>(1, (runs + 3) / 4))},
                              {"$cores$", absl::StrCat(Cores(plan))},
                              {"$image$", options.image}});
}

}  // namespace pmoe
