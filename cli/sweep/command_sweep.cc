// `pmoe sweep`: one training per point of a grid over configuration fields, here or by another
// machine's scheduler; docs/sweeps.md.
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/commands.h"
#include "cli/sweep/study.h"
#include "cli/sweep/sweep_export.h"
#include "cli/sweep/sweep_progress.h"
#include "cli/sweep/sweep_runner.h"
#include "cli/sweep/sweep_table.h"
#include "cli/watch/live_screen.h"
#include "common/base/build_info.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "common/base/interrupt.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr int kSomeFailed = 1;
constexpr int kStopped = 3;

// As a shell reads it.
std::string ShellWord(const std::string& word) {
  constexpr char kPlain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

void PrintCommands(const SweepPlan& plan) {
  const std::vector<SweepRow> rows = ReadSweepRows(plan);
  for (const SweepRun& run : plan.runs) {
    std::printf("# %d %s: %s\npmoe train", run.index, run.name.c_str(),
                SweepStateName(rows[static_cast<size_t>(run.index)].state));
    for (const std::string& word : run.words) std::printf(" %s", ShellWord(word).c_str());
    std::printf(" --out %s\n", ShellWord(plan.Directory(run)).c_str());
  }
}

absl::Status WriteResults(const SweepPlan& plan, const std::vector<SweepRow>& rows) {
  return WriteFileAtomic(plan.out + "/results.csv", SweepResultsCsv(plan, rows));
}

void PrintEnd(const SweepPlan& plan, const std::vector<SweepRow>& rows,
              const std::vector<int>& chosen) {
  bool failed = false;
  for (const int index : chosen) {
    const SweepRow& row = rows[static_cast<size_t>(index)];
    if (row.state != SweepState::kFailed) continue;
    failed = true;
    const SweepRun& run = plan.runs[static_cast<size_t>(index)];
    Log(LogLevel::kError, run.name, " failed: ", row.failure, "; its log: ", plan.Log(run));
  }
  if (failed) Log(LogLevel::kInfo, "--retry tries those that failed again");
}

int CodeOf(const std::vector<SweepRow>& rows, const std::vector<int>& chosen) {
  int code = 0;
  for (const int index : chosen) {
    const SweepState state = rows[static_cast<size_t>(index)].state;
    if (state == SweepState::kFailed) return kSomeFailed;
    if (state != SweepState::kFinished) code = kStopped;
  }
  return code;
}

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class SweepCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const sweep =
        app->add_subcommand("sweep", "Train every combination of a grid of settings");
    sweep->add_option("FILE", file_, "The sweep, in textproto (docs/sweeps.md)")->required();
    sweep->add_option("--jobs", jobs_, "Trainings at once; default: the cores of this machine")
        ->type_name("N")
        ->check(CLI::Range(1, 1024));
    sweep->add_flag("--retry", retry_, "Also those that failed before");
    sweep->add_flag("--separate", separate_,
                    "A process per run, also where runs differ in their seed alone");
    std::vector<CLI::Option*> ways = {
        sweep->add_flag("--dry-run", dry_run_, "Print the commands"),
        sweep->add_flag("--collect", collect_, "Print the table, write results.csv"),
        sweep->add_option("--index", index_, "This run of the sweep alone, as schedulers want it")
            ->type_name("I")
            ->check(CLI::NonNegativeNumber),
        sweep->add_flag("--slurm", slurm_, "Print an sbatch script, a task per run"),
        sweep->add_flag("--kubernetes", kubernetes_, "Print an Indexed Job, an index per run"),
        sweep->add_flag("--study", study_, "Let Optuna choose within the file's ranges")};
    for (CLI::Option* one : ways) {
      for (CLI::Option* other : ways) {
        if (one != other) one->excludes(other);
      }
    }
    sweep
        ->add_option("--skip", skip_,
                     "Runs of these indices are not trained: they are elsewhere already")
        ->type_name("I,I,…")
        ->delimiter(',')
        ->excludes("--index")
        ->check(CLI::NonNegativeNumber);
    sweep->add_option("--image", image_, "Of --kubernetes; has pmoe and pmoe-train")
        ->type_name("NAME");
    sweep->footer(R"(The same command goes on where it was stopped; finished runs are left alone.
Examples:
  pmoe sweep deploy/configs/sweeps/pendulum.textproto
  pmoe sweep FILE --jobs 8
  pmoe sweep deploy/configs/sweeps/step_size.textproto --study
  pmoe sweep FILE --slurm > sweep.sbatch && sbatch sweep.sbatch
  pmoe sweep FILE --kubernetes --jobs 4 | kubectl apply -f -
Exit codes: 0: all have finished; 1: some failed; 2: bad file or flag; 3: stopped before that.)");
    return sweep;
  }

  absl::StatusOr<int> Run() override {
    if (study_) return RunStudy(file_, jobs_or_cores());
    PMOE_ASSIGN_OR_RETURN(const SweepPlan plan, LoadSweep(file_));
    if (dry_run_) {
      PrintCommands(plan);
      return 0;
    }
    if (slurm_ || kubernetes_) {
      PMOE_RETURN_IF_ERROR(Export(plan));
      return 0;
    }
    if (collect_) {
      const std::vector<SweepRow> rows = ReadSweepRows(plan);
      PMOE_RETURN_IF_ERROR(WriteResults(plan, rows));
      LiveScreen(stdout).Draw(SweepTable(plan, rows, {.lines = 1 << 20}));
      std::printf("results: %s/results.csv\n", plan.out.c_str());
      return 0;
    }
    return Train(plan);
  }

 private:
  absl::StatusOr<int> Train(const SweepPlan& plan) const {
    PMOE_ASSIGN_OR_RETURN(const std::vector<int> chosen, Chosen(plan));
    // Tasks of a scheduler share the folder; each run's own lock keeps two from training it.
    if (!one_run()) PMOE_RETURN_IF_ERROR(LockSweep(plan));
    // pmoe-train would start itself once more to set it (libgomp reads it before main).
    setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
    LiveScreen screen(stdout);
    const bool table = screen.is_terminal() && !one_run();
    SweepRunnerOptions options;
    options.binary = BinaryPath("pmoe-train");
    options.jobs = jobs_or_cores();
    options.retry = retry_ || one_run();  // whoever starts a task again wants it tried
    options.separate = separate_;
    options.on_event = [&](const SweepRun& run, const SweepRow& row) {
      if (!table) screen.Draw({SweepEvent(run, row)});
    };
    options.on_tick = [&](const std::vector<SweepRow>& rows) {
      if (table) screen.Draw(SweepTable(plan, rows, screen.size()));
    };
    const std::atomic<bool>& interrupted = InstallInterruptHandler(
        "\npmoe: the trainings write their checkpoints and end; once more ends them now\n",
        /*grace_s=*/0);
    SweepRunner runner(&plan, options);
    PMOE_RETURN_IF_ERROR(runner.Run(chosen, interrupted));
    if (!one_run()) PMOE_RETURN_IF_ERROR(WriteResults(plan, runner.rows()));
    if (!table) screen.Draw({SweepSummary(plan, runner.rows())});
    if (!one_run()) std::printf("results: %s/results.csv\n", plan.out.c_str());
    PrintEnd(plan, runner.rows(), chosen);
    return CodeOf(runner.rows(), chosen);
  }

  absl::StatusOr<std::vector<int>> Chosen(const SweepPlan& plan) const {
    const int runs = static_cast<int>(plan.runs.size());
    if (index_ >= runs) {
      return absl::InvalidArgumentError(
          absl::StrCat("--index must be < ", runs, ", the runs of ", file_, ", got ", index_));
    }
    for (const int index : skip_) {
      if (index >= runs) {
        return absl::InvalidArgumentError(
            absl::StrCat("--skip must be < ", runs, ", the runs of ", file_, ", got ", index));
      }
    }
    std::vector<int> chosen;
    for (int i = 0; i < runs; ++i) {
      const bool skipped = std::find(skip_.begin(), skip_.end(), i) != skip_.end();
      if (!skipped && (!one_run() || i == index_)) chosen.push_back(i);
    }
    return chosen;
  }

  absl::Status Export(const SweepPlan& plan) const {
    SweepExportOptions options;
    options.jobs = jobs_ > 0 ? jobs_ : static_cast<int>(plan.runs.size());
    options.pmoe = BinaryPath("pmoe");
    options.folder = std::filesystem::current_path().string();
    options.image = image_;
    std::string text = SlurmScript(plan, options);
    if (kubernetes_) {
      PMOE_ASSIGN_OR_RETURN(const std::string sweep, ReadText(file_));
      PMOE_ASSIGN_OR_RETURN(text, KubernetesManifest(plan, sweep, options));
    }
    std::fputs(text.c_str(), stdout);
    return absl::OkStatus();
  }

  int jobs_or_cores() const {
    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    return jobs_ > 0 ? jobs_ : cores;
  }
  bool one_run() const { return index_ >= 0; }

  std::string file_;
  int jobs_ = 0;  // 0: as many as there are cores
  int index_ = -1;
  std::vector<int> skip_;
  bool retry_ = false;
  bool separate_ = false;
  bool dry_run_ = false;
  bool collect_ = false;
  bool slurm_ = false;
  bool kubernetes_ = false;
  bool study_ = false;
  std::string image_ = "pmoe-train";
};

}  // namespace

std::unique_ptr<Command> MakeSweepCommand() { return std::make_unique<SweepCommand>(); }

}  // namespace pmoe
