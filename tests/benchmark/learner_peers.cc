#include "tests/benchmark/learner_peers.h"

#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/other_load.h"
#include "tests/benchmark/peers.h"
#include "tests/benchmark/sac_workload.h"
#include "tests/benchmark/scoped_cores.h"

namespace pmoe {
namespace {

struct Rates {
  std::vector<double> per_wall_s{}, per_cpu_s{};  // [rounds]; empty: not measured
};

// One line of the table.
struct Contest {
  std::string name;
  int batch_size = 0;
  int cores = 1;
  std::unique_ptr<LearnerUnderTest> learner{};
  Rates ours{}, sbx{}, rltools{};
};

void Add(double updates, double wall_s, double cpu_s, Rates* rates) {
  rates->per_wall_s.push_back(updates / wall_s);
  rates->per_cpu_s.push_back(updates / cpu_s);
}

absl::Status MeasureOurs(double seconds, Contest* contest) {
  Stopwatch wall;
  const double start_s = ProcessCpuSeconds();
  int updates = 0;
  while (wall.Elapsed() < seconds) {
    PMOE_RETURN_IF_ERROR(contest->learner->Update());
    ++updates;
  }
  Add(updates, wall.Elapsed(), ProcessCpuSeconds() - start_s, &contest->ours);
  return absl::OkStatus();
}

absl::Status MeasurePeer(const std::vector<std::string>& command, Rates* rates) {
  PMOE_ASSIGN_OR_RETURN(auto numbers, RunPeerProgram(command));
  Add(numbers["updates"], numbers["wall_s"], numbers["cpu_s"], rates);
  return absl::OkStatus();
}

std::string RltoolsPath(int batch_size) {
  return PeerFile(absl::StrCat("bin/rltools_update_b", batch_size));
}

absl::Status MeasureRound(double seconds, bool peers, Contest* contest) {
  const ScopedCores pinned(contest->cores);
  const std::string batch = std::to_string(contest->batch_size), s = absl::StrCat(seconds);
  PMOE_RETURN_IF_ERROR(MeasureOurs(seconds, contest));
  if (!peers) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(
      MeasurePeer(PeerScript("sbx_update.py", {"--batch", batch, "--seconds", s}), &contest->sbx));
  const std::string rltools = RltoolsPath(contest->batch_size);
  if (!std::filesystem::exists(rltools)) return absl::OkStatus();
  return MeasurePeer({rltools, s}, &contest->rltools);
}

absl::StatusOr<std::vector<Contest>> MakeContests(const BenchFlags& flags) {
  std::vector<Contest> contests;
  for (int cores = 1; cores <= std::min(2, AllowedCores()); ++cores) {
    for (const int batch : {256, 100}) {
      const SacWorkload workload = SacOfBatch(batch);
      if (!flags.Chooses(workload.name)) continue;
      Contest& contest = contests.emplace_back();
      contest.name = absl::StrCat(workload.name, "_thread", cores);
      contest.batch_size = batch;
      contest.cores = cores;
      const ScopedCores pinned(cores);
      PMOE_ASSIGN_OR_RETURN(contest.learner,
                            LearnerUnderTest::Create(workload, {.threads = cores}));
    }
  }
  return contests;
}

// Ours on one core with the same batch.
const Contest& OnOneCore(const std::vector<Contest>& contests, const Contest& contest) {
  for (const Contest& other : contests) {
    if (other.batch_size == contest.batch_size && other.cores == 1) return other;
  }
  return contest;
}

double Ratio(const std::vector<double>& ours, const std::vector<double>& theirs) {
  return theirs.empty() ? std::numeric_limits<double>::quiet_NaN() : MedianRatio(ours, theirs);
}

void ReportContests(const std::vector<Contest>& contests, const OtherLoad& load, Report* report) {
  report->Table("rates" + load.Mark(),
                {"updates_per_wall_s", "sbx_updates_per_wall_s", "rltools_updates_per_wall_s",
                 "updates_per_cpu_s", "sbx_updates_per_cpu_s", "rltools_updates_per_cpu_s"});
  for (const Contest& c : contests) {
    report->Row(c.name,
                {Median(c.ours.per_wall_s), Median(c.sbx.per_wall_s), Median(c.rltools.per_wall_s),
                 Median(c.ours.per_cpu_s), Median(c.sbx.per_cpu_s), Median(c.rltools.per_cpu_s)});
  }
  report->Table("ours over theirs" + load.Mark(),
                {"wall_over_sbx", "cpu_over_sbx", "wall_over_rltools", "cpu_over_rltools",
                 "wall_over_one_thread"});
  for (const Contest& c : contests) {
    report->Row(c.name, {Ratio(c.ours.per_wall_s, c.sbx.per_wall_s),
                         Ratio(c.ours.per_cpu_s, c.sbx.per_cpu_s),
                         Ratio(c.ours.per_wall_s, c.rltools.per_wall_s),
                         Ratio(c.ours.per_cpu_s, c.rltools.per_cpu_s),
                         MedianRatio(c.ours.per_wall_s, OnOneCore(contests, c).ours.per_wall_s)});
  }
}

}  // namespace

absl::Status BenchLearnerPeers(const BenchFlags& flags, Report* report) {
  if (!flags.peers) return absl::OkStatus();
  PMOE_ASSIGN_OR_RETURN(std::vector<Contest> contests, MakeContests(flags));
  if (contests.empty()) return absl::OkStatus();
  report->Note(
      "\nSAC beside its peers, each on the same one or two cores, 50 updates per jit call "
      "of SBX; RLtools on one thread");
  const bool peers = PeersInstalled(report);
  if (!std::filesystem::exists(RltoolsPath(contests[0].batch_size))) {
    report->Note("RLtools: not installed (experiments/peers/setup_peers.sh)");
  }
  OtherLoad load;
  for (int round = 0; round < flags.rounds; ++round) {
    load.BeginRound();
    for (Contest& contest : contests) {
      PMOE_RETURN_IF_ERROR(MeasureRound(flags.seconds / flags.rounds, peers, &contest));
    }
    load.EndRound();
  }
  ReportContests(contests, load, report);
  load.Tell("peers", report);
  return absl::OkStatus();
}

}  // namespace pmoe
