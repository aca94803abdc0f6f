// bench learner: whole updates of the learner, its own noise and statistics included, against the
// least work that the algorithm needs at the FMA peak of the core, measured before and after, and
// against autograd's on --device.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "learner/torch_info.h"
#include "tests/benchmark/algorithm_bench.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/learner_peers.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/other_load.h"
#include "tests/benchmark/sac_workload.h"

namespace pmoe {
namespace {

constexpr double kSlowestShare = 10.0;

struct Samples {
  std::vector<double> per_cpu_s, per_wall_s, peak_gflops, peak_share;
};

absl::Status Measure(double seconds, double gflop, LearnerUnderTest* learner, Samples* samples) {
  const double peak_before = FmaPeakGflops();
  Stopwatch wall;
  const double start_s = ProcessCpuSeconds();
  double cpu_s = 0.0;
  int updates = 0;
  // While a device works, a process may sleep.
  while (cpu_s < seconds && wall.Elapsed() < kSlowestShare * seconds) {
    PMOE_RETURN_IF_ERROR(learner->Update());
    ++updates;
    cpu_s = ProcessCpuSeconds() - start_s;
  }
  const double wall_s = wall.Elapsed();
  const double peak = (peak_before + FmaPeakGflops()) / 2.0;
  samples->per_cpu_s.push_back(updates / cpu_s);
  samples->per_wall_s.push_back(updates / wall_s);
  samples->peak_gflops.push_back(peak);
  samples->peak_share.push_back(gflop * updates / cpu_s / peak);
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchLearner(const BenchFlags& flags, Report* report) {
  PrepareMathLibraries();
  PMOE_RETURN_IF_ERROR(CheckDevice(flags.device));
  struct Row {
    SacWorkload workload;
    std::unique_ptr<LearnerUnderTest> fast, autograd;
    Samples fast_samples, autograd_samples;
  };
  std::vector<Row> rows;
  for (const SacWorkload& w : SacWorkloads()) {
    if (!flags.Chooses(w.name)) continue;
    Row& row = rows.emplace_back();
    row.workload = w;
    PMOE_ASSIGN_OR_RETURN(row.fast, LearnerUnderTest::Create(w, {.threads = flags.threads}));
    PMOE_ASSIGN_OR_RETURN(
        row.autograd,
        LearnerUnderTest::Create(w, {flags.threads, UpdateStep::kAutograd, flags.device}));
  }
  OtherLoad load;
  for (int round = 0; round < flags.rounds && !rows.empty(); ++round) {
    load.BeginRound();
    for (Row& row : rows) {
      const double gflop = LeastFlop(row.workload) / 1e9, seconds = flags.seconds / flags.rounds;
      PMOE_RETURN_IF_ERROR(Measure(seconds, gflop, row.fast.get(), &row.fast_samples));
      PMOE_RETURN_IF_ERROR(Measure(seconds, gflop, row.autograd.get(), &row.autograd_samples));
    }
    load.EndRound();
  }
  report->Table("update" + load.Mark(),
                {"updates_per_cpu_s", "updates_per_wall_s", "mflop", "peak_gflops", "share_of_peak",
                 "autograd_per_wall_s", "wall_over_autograd"});
  for (const Row& row : rows) {
    const Samples& s = row.fast_samples;
    report->Row(row.workload.name, {Median(s.per_cpu_s), Median(s.per_wall_s),
                                    LeastFlop(row.workload) / 1e6, Median(s.peak_gflops),
                                    Median(s.peak_share), Median(row.autograd_samples.per_wall_s),
                                    MedianRatio(s.per_wall_s, row.autograd_samples.per_wall_s)});
  }
  load.Tell("update", report);
  PMOE_RETURN_IF_ERROR(BenchAlgorithms(flags, report));
  return BenchLearnerPeers(flags, report);
}

}  // namespace pmoe
