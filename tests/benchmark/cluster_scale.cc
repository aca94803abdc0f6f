// bench cluster, "scale": env steps per second of 1 to 256 actor processes, each with one
// environment that takes 10 ms per step (plugins/sleep_env.c), against 100 per second and actor.
// The policy is small and updates are few (1 per 100,000 steps), so that the learner is not the
// limit: what shows is the data plane and the control plane.
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/build_info.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/cluster_parts.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/running_cluster.h"

namespace pmoe {
namespace {

constexpr double kStep_ms = 10.0;
constexpr int kActorsMax = 256;
constexpr double kWarmSteps = 2000.0;
constexpr double kWindow_s = 10.0;
constexpr std::chrono::seconds kStart(240);

struct Point {
  int actors;
  std::vector<double> steps_per_s{}, cpu_ms_per_step{}, cores{}, private_mb{};
};

std::vector<std::string> Words(int actors, const BenchFlags& flags) {
  std::vector<std::string> words = {"--env",    "plugin:" + BinaryPath("sleep_env.so"),
                                    "--algo",   "sac",
                                    "--preset", "official",
                                    "--mode",   "async",
                                    "--actors", std::to_string(actors),
                                    "--steps",  "1e9"};
  std::vector<std::string> sets = {absl::StrCat("env.arg.step_ms=", kStep_ms),
                                   "policy.hidden=64,64",
                                   "learner.critic_hidden=64,64",
                                   "learner.batch_size=64",
                                   "schedule.updates_per_step=0.00001",
                                   "schedule.steps_per_round=100000",
                                   "schedule.start_steps=1000",
                                   "schedule.update_after=1000",
                                   "observe.eval_every_steps=0",
                                   "observe.eval_episodes=1",
                                   "observe.log_every_steps=5000",
                                   "observe.video=false",
                                   "checkpoint.every_steps=0"};
  sets.insert(sets.end(), flags.sets.begin(), flags.sets.end());
  for (const std::string& set : sets) words.insert(words.end(), {"--set", set});
  return words;
}

absl::Status Measure(const BenchFlags& flags, Point* point) {
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<RunningCluster> cluster,
                        RunningCluster::Start(Words(point->actors, flags)));
  PMOE_RETURN_IF_ERROR(cluster->Await(point->actors, kWarmSteps, kStart));
  PMOE_ASSIGN_OR_RETURN(const auto looks, cluster->LookTwice(kWindow_s));
  const auto& [first, second] = looks;
  const double steps = second.env_steps - first.env_steps;
  const double seconds = second.time_s - first.time_s;
  const double cpu_s = second.cpu_s - first.cpu_s;
  point->steps_per_s.push_back(steps / seconds);
  point->cpu_ms_per_step.push_back(1000.0 * cpu_s / steps);
  point->cores.push_back(cpu_s / seconds);
  point->private_mb.push_back(second.private_mb);
  return absl::OkStatus();
}

double Ideal(const Point& point) { return point.actors * 1000.0 / kStep_ms; }

absl::Status WriteCsv(const std::vector<Point>& points, const std::string& path) {
  std::ofstream file(path);
  file << "actors,env_steps_per_s,ideal_env_steps_per_s,cpu_ms_per_env_step,cores,private_mb\n";
  for (const Point& point : points) {
    file << absl::StrFormat("%d,%.1f,%.1f,%.5f,%.3f,%.1f\n", point.actors,
                            Median(point.steps_per_s), Ideal(point), Median(point.cpu_ms_per_step),
                            Median(point.cores), Median(point.private_mb));
  }
  if (file.flush()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write --csv ", path));
}

}  // namespace

absl::Status BenchClusterScale(const BenchFlags& flags, Report* report) {
  std::vector<Point> points;
  for (int actors = 1; actors <= kActorsMax; actors *= 2) points.push_back({actors});
  for (int round = 0; round < flags.rounds; ++round) {
    for (Point& point : points) PMOE_RETURN_IF_ERROR(Measure(flags, &point));
  }
  report->Table("actor processes of 10 ms steps", {"env_steps_per_s", "share_of_ideal",
                                                   "cpu_ms_per_env_step", "cores", "private_mb"});
  for (const Point& point : points) {
    report->Row(absl::StrCat("scale_", point.actors),
                {Median(point.steps_per_s), Median(point.steps_per_s) / Ideal(point),
                 Median(point.cpu_ms_per_step), Median(point.cores), Median(point.private_mb)});
  }
  return flags.csv.empty() ? absl::OkStatus() : WriteCsv(points, flags.csv);
}

}  // namespace pmoe
