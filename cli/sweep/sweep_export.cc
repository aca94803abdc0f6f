#include "cli/sweep/sweep_export.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/sweep/sweep_templates.h"

namespace pmoe {
namespace {

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

// A training's main thread and its evaluator beside the learner's own; one thread where the runs
// leave their number open.
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
  return absl::StrReplaceAll(kSlurmTemplate, {{"$file$", Quoted(plan.file)},
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
  return absl::StrReplaceAll(kKubernetesTemplate,
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
