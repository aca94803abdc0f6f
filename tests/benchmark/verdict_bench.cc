// bench verdict: what a run's own verdict promises of a change, beside what the change brings. Runs
// of `pmoe up` with 1, 2 and 4 actors, environments that sleep or compute, a learner with little or
// much to do; with the last, a second thread too. Each runs until its verdict is of one steady
// stretch, and is then measured from outside, for as long as the verdict looks back.
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/build_info.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/running_cluster.h"

namespace pmoe {
namespace {

constexpr double kWithin = 0.15;
constexpr double kWarmSteps = 500.0;
constexpr double kSettle_s = 14.0;  // the verdict waits for ten steady seconds
constexpr double kWindow_s = 10.0;
constexpr std::chrono::seconds kStart(120);

struct Workload {
  const char* name;
  std::vector<std::string> words, sets;
};

struct Point {
  double steps_per_s = 0.0;
  std::map<std::string, double> gains;
};

struct Change {
  int actors_before, threads_before;
  int actors_after, threads_after;
  const char* name;  // as the verdict calls it
};

constexpr Change kChanges[] = {{1, 1, 2, 1, "one more actor"},
                               {2, 1, 4, 1, "twice the actors"},
                               {2, 1, 2, 2, "a second learner thread"}};

std::vector<Workload> Workloads() {
  const std::vector<std::string> sleeping = {"--env", "plugin:" + BinaryPath("sleep_env.so")};
  const std::vector<std::string> computing = {"--env", "HalfCheetah-v5"};
  return {{"sleep_light", sleeping, {"env.arg.step_ms=10", "schedule.updates_per_step=0.2"}},
          {"sleep_heavy", sleeping, {"env.arg.step_ms=4", "schedule.updates_per_step=1"}},
          {"cheetah_light", computing, {"schedule.updates_per_step=0.002"}},
          {"cheetah_heavy", computing, {"schedule.updates_per_step=1"}}};
}

std::vector<std::string> Words(const Workload& workload, int actors, int threads,
                               const BenchFlags& flags) {
  std::vector<std::string> words = {"--algo",  "sac",   "--preset", "official",
                                    "--mode",  "async", "--actors", absl::StrCat(actors),
                                    "--steps", "1e9"};
  words.insert(words.end(), workload.words.begin(), workload.words.end());
  std::vector<std::string> sets = {absl::StrCat("learner.threads=", threads),
                                   "schedule.start_steps=200",
                                   "schedule.update_after=200",
                                   "observe.eval_every_steps=0",
                                   "observe.eval_episodes=1",
                                   "observe.log_every_steps=5000",
                                   "observe.video=false",
                                   "checkpoint.every_steps=0",
                                   "checkpoint.every_seconds=0"};
  sets.insert(sets.end(), workload.sets.begin(), workload.sets.end());
  sets.insert(sets.end(), flags.sets.begin(), flags.sets.end());
  for (const std::string& set : sets) words.insert(words.end(), {"--set", set});
  return words;
}

class Runs {
 public:
  Runs(const Workload& workload, const BenchFlags& flags, Report* report)
      : workload_(workload), flags_(flags), report_(report) {}

  // Runs it, as often as there are rounds, if it has not been run: medians.
  absl::StatusOr<Point> At(int actors, int threads) {
    const auto [at, added] = points_.try_emplace({actors, threads});
    if (!added) return at->second;
    std::vector<double> rates;
    std::map<std::string, std::vector<double>> gains;
    for (int round = 0; round < flags_.rounds; ++round) {
      PMOE_ASSIGN_OR_RETURN(const Point point, Measure(actors, threads));
      rates.push_back(point.steps_per_s);
      for (const auto& [name, factor] : point.gains) gains[name].push_back(factor);
    }
    at->second.steps_per_s = Median(std::move(rates));
    for (auto& [name, factors] : gains) at->second.gains[name] = Median(std::move(factors));
    return at->second;
  }

 private:
  absl::StatusOr<Point> Measure(int actors, int threads) const {
    PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<RunningCluster> cluster,
                          RunningCluster::Start(Words(workload_, actors, threads, flags_)));
    PMOE_RETURN_IF_ERROR(cluster->Await(actors, kWarmSteps, kStart));
    PMOE_RETURN_IF_ERROR(cluster->LookTwice(kSettle_s - kWindow_s).status());
    PMOE_ASSIGN_OR_RETURN(const auto looks, cluster->LookTwice(kWindow_s));
    const auto& [first, second] = looks;
    report_->Note(absl::StrFormat("%s, %d actors, %d threads: %s", workload_.name, actors, threads,
                                  second.verdict));
    return Point{(second.env_steps - first.env_steps) / (second.time_s - first.time_s),
                 second.gains};
  }

  const Workload& workload_;
  const BenchFlags& flags_;
  Report* const report_;
  std::map<std::pair<int, int>, Point> points_;
};

struct Outcome {
  std::string name;
  double before, after, predicted;
  double measured() const { return after / before; }
  double ratio() const { return predicted / measured(); }
};

absl::Status MeasureWorkload(const Workload& workload, const BenchFlags& flags, Report* report,
                             std::vector<Outcome>* outcomes) {
  Runs runs(workload, flags, report);
  for (const Change& change : kChanges) {
    PMOE_ASSIGN_OR_RETURN(const Point before, runs.At(change.actors_before, change.threads_before));
    const auto gain = before.gains.find(change.name);
    PMOE_ASSIGN_OR_RETURN(const Point after, runs.At(change.actors_after, change.threads_after));
    outcomes->push_back(
        {absl::StrFormat("%s_%dx%d_to_%dx%d", workload.name, change.actors_before,
                         change.threads_before, change.actors_after, change.threads_after),
         before.steps_per_s, after.steps_per_s,
         gain == before.gains.end() ? std::nan("") : gain->second});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status BenchVerdict(const BenchFlags& flags, Report* report) {
  std::vector<Outcome> outcomes;
  for (const Workload& workload : Workloads()) {
    if (!flags.Chooses(workload.name)) continue;
    PMOE_RETURN_IF_ERROR(MeasureWorkload(workload, flags, report, &outcomes));
  }
  if (outcomes.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--only must name a workload: sleep_light, sleep_heavy, cheetah_light or "
                     "cheetah_heavy; got ",
                     flags.only));
  }
  report->Table("actors x learner threads, before and after",
                {"env_steps_per_s_before", "after", "gain_predicted", "gain_measured",
                 "predicted_over_measured"});
  int within = 0;
  for (const Outcome& outcome : outcomes) {
    report->Row(outcome.name, {outcome.before, outcome.after, outcome.predicted, outcome.measured(),
                               outcome.ratio()});
    if (std::abs(outcome.ratio() - 1.0) <= kWithin) ++within;
  }
  report->Value("within_15_percent", within);
  report->Value("compared", static_cast<double>(outcomes.size()));
  report->Value("load_average_after", LoadAverage());
  return absl::OkStatus();
}

}  // namespace pmoe
