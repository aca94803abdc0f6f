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
  TrainingRates rates{};
};

absl::Status Measure(const BenchFlags& flags, Side* side) {
  TrainingPlan plan = SacTraining(flags.steps, flags.sets);
  plan.command = "up";
  plan.words = {"--mode", "async", "--actors", std::to_string(side->actors)};
  return side->rates.Measure(plan);
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
    const TrainingRates& rates = side.rates;
    report->Row(absl::StrCat("actors_", side.actors),
                {Median(rates.step_ms), Median(rates.update_ms), Median(rates.steps_per_s),
                 MedianRatio(rates.step_ms, sides.front().rates.step_ms)});
  }
  return absl::OkStatus();
}

}  // namespace pmoe
