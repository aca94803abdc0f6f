// bench cluster, "modes": what processes and gRPC cost. The same training as one process (pmoe
// train) and as a cluster of processes (pmoe up), HalfCheetah-v5, one update per env step; CPU time
// of all processes counts.
#include <array>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/cluster_parts.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/training_runs.h"

namespace pmoe {
namespace {

struct Contrast {
  std::string mode;
  int actors = 1;
  std::array<TrainingRates, 2> sides{};  // embedded, cluster
};

absl::Status MeasureSide(const BenchFlags& flags, int side, Contrast* contrast) {
  TrainingPlan plan = SacTraining(flags.steps, flags.sets);
  plan.command = side == 0 ? "train" : "up";
  plan.words = {"--mode", contrast->mode, "--actors", std::to_string(contrast->actors)};
  return contrast->sides[side].Measure(plan);
}

}  // namespace

absl::Status BenchClusterModes(const BenchFlags& flags, Report* report) {
  std::vector<Contrast> contrasts;
  for (const char* mode : {"lockstep", "async"}) {
    contrasts.push_back({mode});
  }
  for (int round = 0; round < flags.rounds; ++round) {
    for (Contrast& contrast : contrasts) {
      // Each round begins with the other side.
      for (const int side : {round % 2, 1 - round % 2}) {
        PMOE_RETURN_IF_ERROR(MeasureSide(flags, side, &contrast));
      }
    }
  }
  report->Table("HalfCheetah-v5, UTD 1",
                {"cpu_ms_per_env_step", "cpu_ms_per_update", "env_steps_per_s"});
  for (const Contrast& contrast : contrasts) {
    for (const int side : {0, 1}) {
      const TrainingRates& rates = contrast.sides[side];
      report->Row(absl::StrCat(contrast.mode, side == 0 ? "_embedded" : "_cluster"),
                  {Median(rates.step_ms), Median(rates.update_ms), Median(rates.steps_per_s)});
    }
  }
  report->Table("cluster over embedded", {"cpu_per_env_step", "cpu_per_update", "wall"});
  for (const Contrast& contrast : contrasts) {
    const auto& [embedded, cluster] = contrast.sides;
    report->Row(contrast.mode, {MedianRatio(cluster.step_ms, embedded.step_ms),
                                MedianRatio(cluster.update_ms, embedded.update_ms),
                                MedianRatio(embedded.steps_per_s, cluster.steps_per_s)});
  }
  return absl::OkStatus();
}

}  // namespace pmoe
