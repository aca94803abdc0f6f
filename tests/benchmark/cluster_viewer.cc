// bench cluster, "viewer": what one viewer of the dashboard and one Prometheus cost the learner's
// process: CPU-seconds per second, a share of a core, of every thread but the one that trains, in
// windows with and without them, alternating within one run. The threads that serve them, found by
// their names, are also counted by themselves.
#include <poll.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "tests/benchmark/cluster_parts.h"
#include "tests/benchmark/http_reader.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/process_times.h"
#include "tests/benchmark/running_cluster.h"
#include "tests/benchmark/training_runs.h"

namespace pmoe {
namespace {

constexpr char kDashboard[] = "127.0.0.1:16006";
constexpr double kWindow_s = 10.0;
constexpr double kScrapeEvery_s = 5.0;
constexpr std::chrono::seconds kStart(120);

struct Shares {
  std::vector<double> others[2]{}, serving[2]{};  // without and with viewers
};

// The HTTP servers name their threads so.
bool Serves(const std::string& name) { return name == "metrics" || name == "dashboard"; }

// Of the learner's threads: {all but the main one, those that serve pages}.
std::pair<double, double> CpuSeconds(pid_t learner) {
  std::pair<double, double> sums;
  for (const auto& [id, thread] : ThreadsOf(learner)) {
    if (id != learner) sums.first += thread.cpu_s;
    if (Serves(thread.name)) sums.second += thread.cpu_s;
  }
  return sums;
}

absl::Status MeasureWindow(const RunningCluster& cluster, bool viewed, bool has_dashboard,
                           Shares* shares) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<std::string> metrics, cluster.MetricsAddresses());
  std::unique_ptr<HttpStream> viewer;
  if (viewed && has_dashboard) viewer = std::make_unique<HttpStream>(kDashboard, "/api/events");
  const pid_t learner = cluster.PidOf("learner");
  const auto before = CpuSeconds(learner);
  Stopwatch watch;
  for (double next_s = 0.0; watch.Elapsed() < kWindow_s;) {
    if (viewed && watch.Elapsed() >= next_s) {
      for (const std::string& address : metrics) {
        PMOE_RETURN_IF_ERROR(HttpGet(address, "/metrics").status());
      }
      next_s += kScrapeEvery_s;
    }
    ::poll(nullptr, 0, /*timeout=*/50);
  }
  const double seconds = watch.Elapsed();
  const auto after = CpuSeconds(learner);
  if (viewer != nullptr && viewer->bytes() == 0) {
    return absl::UnavailableError(
        absl::StrCat("the dashboard at ", kDashboard, " sent a viewer nothing"));
  }
  shares->others[viewed ? 1 : 0].push_back((after.first - before.first) / seconds);
  shares->serving[viewed ? 1 : 0].push_back((after.second - before.second) / seconds);
  return absl::OkStatus();
}

std::vector<std::string> Words(const TrainingPlan& plan) {
  std::vector<std::string> words = {"--env",       "HalfCheetah-v5", "--algo",   plan.algorithm,
                                    "--preset",    plan.preset,      "--actors", "2",
                                    "--dashboard", kDashboard,       "--steps",  "1e9"};
  for (const std::string& set : plan.sets) words.insert(words.end(), {"--set", set});
  words.insert(words.end(), {"--set", "observe.eval_every_steps=0", "--set", "observe.video=false",
                             "--set", "checkpoint.every_steps=0"});
  return words;
}

}  // namespace

absl::Status BenchClusterViewer(const BenchFlags& flags, Report* report) {
  const TrainingPlan plan = SacTraining(flags.steps, flags.sets);
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<RunningCluster> cluster,
                        RunningCluster::Start(Words(plan)));
  PMOE_RETURN_IF_ERROR(cluster->Await(/*actors=*/2, plan.warm_steps + 500.0, kStart));
  const bool has_dashboard = HttpGet(kDashboard, "/").ok();
  if (!has_dashboard) report->Note("no dashboard answers: /metrics alone");
  Shares shares;
  for (int round = 0; round < flags.rounds; ++round) {
    for (const int viewed : {round % 2, 1 - round % 2}) {
      PMOE_RETURN_IF_ERROR(MeasureWindow(*cluster, viewed == 1, has_dashboard, &shares));
    }
  }
  report->Table("the learner's threads beside the training one, cores",
                {"all_threads", "serving_threads"});
  report->Row("nobody_looks", {Median(shares.others[0]), Median(shares.serving[0])});
  report->Row("one_viewer", {Median(shares.others[1]), Median(shares.serving[1])});
  report->Value("viewer_share_of_a_core", Median(shares.others[1]) - Median(shares.others[0]));
  return absl::OkStatus();
}

}  // namespace pmoe
