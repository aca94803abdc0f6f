#include "tests/benchmark/training_runs.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/child_process.h"
#include "tests/benchmark/scratch_folder.h"

namespace pmoe {
namespace {

std::vector<CsvRow> ReadMetrics(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::vector<std::string> columns;
  std::vector<CsvRow> rows;
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    if (columns.empty()) {
      columns = cells;
      continue;
    }
    CsvRow& row = rows.emplace_back();
    for (size_t i = 0; i < cells.size() && i < columns.size(); ++i) {
      double value = 0.0;
      if (absl::SimpleAtod(cells[i], &value)) row[columns[i]] = value;
    }
  }
  return rows;
}

std::string Pmoe() {
  std::error_code error;
  return (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "pmoe").string();
}

struct Run {
  double cpu_s = 0.0;
  CsvRow last;
};

absl::StatusOr<Run> RunTo(const TrainingPlan& plan, int steps, const std::string& out) {
  std::vector<std::string> args = {Pmoe(),     plan.command,
                                   "--env",    "HalfCheetah-v5",
                                   "--algo",   plan.algorithm,
                                   "--preset", plan.preset,
                                   "--seed",   "1",
                                   "--steps",  std::to_string(steps),
                                   "--out",    out};
  args.insert(args.end(), plan.words.begin(), plan.words.end());
  std::vector<std::string> sets = {"observe.log_every_steps=500", "observe.video=false",
                                   "observe.eval_every_steps=0", "observe.eval_episodes=1",
                                   "checkpoint.every_steps=0"};
  sets.insert(sets.end(), plan.sets.begin(), plan.sets.end());
  for (const std::string& set : sets) args.insert(args.end(), {"--set", set});
  PMOE_ASSIGN_OR_RETURN(const ChildResult child, RunChild(args, /*show_errors=*/false));
  std::vector<CsvRow> rows = ReadMetrics(out + "/metrics.csv");
  if (rows.empty()) return absl::InternalError("metrics.csv has no row");
  return Run{child.cpu_s, std::move(rows.back())};
}

}  // namespace

TrainingPlan SacTraining(int steps, const std::vector<std::string>& sets) {
  constexpr int kWarmSteps = 1000;
  TrainingPlan plan;
  plan.algorithm = "sac";
  plan.preset = "official";
  plan.sets = {absl::StrCat("schedule.start_steps=", kWarmSteps),
               absl::StrCat("schedule.update_after=", kWarmSteps + 1),
               "schedule.steps_per_round=50"};
  plan.sets.insert(plan.sets.end(), sets.begin(), sets.end());
  plan.warm_steps = kWarmSteps;
  plan.steps = steps;
  return plan;
}

absl::StatusOr<TrainingCost> MeasureTraining(const TrainingPlan& plan) {
  const ScratchFolder folder;
  if (folder.path().empty()) return absl::InternalError("cannot make a folder for runs");
  PMOE_ASSIGN_OR_RETURN(Run warm, RunTo(plan, plan.warm_steps, folder.path() + "/warm"));
  PMOE_ASSIGN_OR_RETURN(Run full,
                        RunTo(plan, plan.warm_steps + plan.steps, folder.path() + "/full"));
  TrainingCost cost;
  cost.env_steps = full.last["env_steps"] - warm.last["env_steps"];
  cost.updates = full.last["updates"] - warm.last["updates"];
  cost.wall_s = full.last["wall_s"] - warm.last["wall_s"];
  cost.cpu_s = full.cpu_s - warm.cpu_s;
  cost.first = std::move(warm.last);
  cost.last = std::move(full.last);
  return cost;
}

}  // namespace pmoe
