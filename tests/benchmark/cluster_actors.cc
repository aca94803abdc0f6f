// bench cluster, "actors": the same training by 1, 2, 4 and 8 actor processes, async, one update
// per env step. CPU time of all processes counts; it should not grow with the actors.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/cluster_parts.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/training_runs.h"

namespace pmoe {
namespace {

struct Side {
  int actors;
  std::vector<double> step_ms{}, update_ms{}, steps_per_s{};
};

absl::Status Measure(const BenchFlags& flags, Side* side) {
  TrainingPlan plan = SacTraining(flags.steps, flags.sets);
  plan.command = "up";
  plan.words = {"--mode", "async", "--actors", std::to_string(side->actors)};
  PMOE_ASSIGN_OR_RETURN(const TrainingCost cost, MeasureTraining(plan));
  side->step_ms.push_back(1000.0 * cost.cpu_s / cost.env_steps);
  side->update_ms.push_back(1000.0 * cost.cpu_s / cost.updates);
  side->steps_per_s.push_back(cost.env_steps / cost.wall_s);
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchClusterActors(const BenchFlags& flags, Report* report) {
  std::vector<Side> sides = {{1}, {2}, {4}, {8}};
  for (int round = 0; round < flags.rounds; ++round) {
    for (Side& side : sides) PMOE_RETURN_IF_ERROR(Measure(flags, &side));
  }
  report->Table("HalfCheetah-v5, UTD 1, async, by actors",
                {"cpu_ms_per_env_step", "cpu_ms_per_update", "env_steps_per_s", "cpu_over_one"});
  for (const Side& side : sides) {
    report->Row(absl::StrCat("actors_", side.actors),
                {Median(side.step_ms), Median(side.update_ms), Median(side.steps_per_s),
                 MedianRatio(side.step_ms, sides.front().step_ms)});
  }
  return absl::OkStatus();
}

}  // namespace pmoe
