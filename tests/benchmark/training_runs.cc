#include "tests/benchmark/training_runs.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/build_info.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/metrics/csv_reader.h"
#include "tests/benchmark/child_process.h"
#include "tests/benchmark/scratch_folder.h"

namespace pmoe {
namespace {

struct Run {
  double cpu_s = 0.0;
  CsvRow last;
};

absl::StatusOr<Run> RunTo(const TrainingPlan& plan, int steps, const std::string& out) {
  const std::string pmoe = BinaryPath("pmoe");
  std::vector<std::string> args = {pmoe,       plan.command,
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
  PMOE_ASSIGN_OR_RETURN(CsvRow last, LastMetrics(out + "/metrics.csv"));
  return Run{child.cpu_s, std::move(last)};
}

}  // namespace

absl::StatusOr<CsvRow> LastMetrics(const std::string& path) {
  PMOE_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  CsvRow last;
  CsvReader reader;
  reader.Feed(text, [&](absl::Span<const double> row) {
    last.clear();
    for (size_t i = 0; i < row.size(); ++i) {
      if (!std::isnan(row[i])) last[reader.columns()[i]] = row[i];
    }
  });
  if (last.empty()) return absl::InternalError("metrics.csv has no row");
  return last;
}

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

absl::Status TrainingRates::Measure(const TrainingPlan& plan) {
  PMOE_ASSIGN_OR_RETURN(const TrainingCost cost, MeasureTraining(plan));
  step_ms.push_back(1000.0 * cost.cpu_s / cost.env_steps);
  update_ms.push_back(1000.0 * cost.cpu_s / cost.updates);
  steps_per_s.push_back(cost.env_steps / cost.wall_s);
  return absl::OkStatus();
}

}  // namespace pmoe
