#include "cli/watch/run_lines.h"

#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace pmoe {
namespace {

constexpr double kMinute_s = 60.0, kHour_s = 3600.0, kDay_s = 86400.0;
constexpr double kSmall = 0.005;                 // a share that would be told as 0%
constexpr double kForeseen_s = 1000.0 * kDay_s;  // what is left is told up to here

// "42 s", "2.5 min", "3.1 h", "4.2 days"
std::string DurationText(double seconds) {
  if (seconds < 100.0) return absl::StrFormat("%.0f s", seconds);
  if (seconds < 100.0 * kMinute_s) return absl::StrFormat("%.1f min", seconds / kMinute_s);
  if (seconds < 2.0 * kDay_s) return absl::StrFormat("%.1f h", seconds / kHour_s);
  return absl::StrFormat("%.1f days", seconds / kDay_s);
}

std::string LatencyText(double seconds) {
  return seconds < 0.9995 ? absl::StrFormat("%.3g ms", 1e3 * seconds)
                          : absl::StrFormat("%.3g s", seconds);
}

const char* LatencyName(const std::string& name) {
  if (name == "insert_ack") return "insert to ack";
  if (name == "sample") return "wait for a minibatch";
  if (name == "publish_to_use") return "publish to first use";
  return name.c_str();
}

std::string ShareText(absl::string_view name, double share) {
  return absl::StrFormat("%s %.0f%%", name, 100.0 * share);
}

// " (critic 40%, policy 15%)", of the learner's whole time.
std::string PhasesText(const LearnerTime& time) {
  std::vector<std::string> phases;
  for (const PhaseShare& phase : time.phases()) {
    if (phase.share() >= kSmall) phases.push_back(ShareText(phase.name(), phase.share()));
  }
  return phases.empty() ? "" : absl::StrCat(" (", absl::StrJoin(phases, ", "), ")");
}

}  // namespace

std::string ProgressText(const RunStatus& status) {
  const double rate = status.env_steps_per_s();
  const auto at = static_cast<double>(status.env_steps());
  const auto total = static_cast<double>(status.total_steps());
  std::string text =
      absl::StrFormat("env steps %d of %d", status.env_steps(), status.total_steps());
  if (total > 0.0) absl::StrAppendFormat(&text, " (%.0f%%)", std::floor(100.0 * at / total));
  absl::StrAppendFormat(&text, ", %.0f/s", rate);
  if (rate > 0.0 && at < total && (total - at) / rate < kForeseen_s) {
    absl::StrAppend(&text, ", ", DurationText((total - at) / rate), " left");
  }
  absl::StrAppendFormat(&text, "; updates %d, %.0f/s; up %s", status.updates(),
                        status.updates_per_s(), DurationText(status.uptime_s()));
  return text;
}

std::string AgesText(const RunStatus& status) {
  std::string text = absl::StrFormat("policy v%d; ", status.policy_version());
  if (status.has_policy_lag_versions()) {
    absl::StrAppendFormat(&text, "actors' weights are %.1f versions, %.1f s old; ",
                          status.policy_lag_versions(), status.policy_lag_s());
  }
  absl::StrAppendFormat(
      &text, "sampled rows are %.1f versions, %.1f s old; evaluation %s", status.lag_versions(),
      status.lag_s(),
      status.has_evaluation() ? absl::StrFormat("%.1f", status.eval_return()) : "none yet");
  return text;
}

std::string LearnerTimeText(const RunStatus& status) {
  if (!status.has_time()) return "";
  const LearnerTime& time = status.time();
  std::vector<std::string> shares;
  for (const auto& [name, share] :
       {std::pair{"update", time.update()}, std::pair{"waits for rows", time.sample_wait()},
        std::pair{"waits for actors", time.idle()}, std::pair{"publish", time.publish()},
        std::pair{"waits for evaluations", time.evaluation()},
        std::pair{"checkpoint", time.checkpoint()}}) {
    if (share < kSmall) continue;
    shares.push_back(ShareText(name, share));
  }
  if (shares.empty()) return "";
  if (time.update() >= kSmall) shares.front() += PhasesText(time);
  std::string text = absl::StrCat("learner: ", absl::StrJoin(shares, ", "));
  if (status.has_usage()) {
    absl::StrAppendFormat(&text, "; CPU %.2f, %.0f MB", status.usage().cpu_cores(),
                          static_cast<double>(status.usage().memory_bytes()) / 1e6);
  }
  return text;
}

std::string LatenciesText(const RunStatus& status) {
  std::vector<std::string> parts;
  for (const LatencyMessage& latency : status.latencies()) {
    if (latency.count() == 0) continue;
    parts.push_back(absl::StrCat(LatencyName(latency.name()), " ", LatencyText(latency.p50_s()),
                                 " (99%: ", LatencyText(latency.p99_s()), ")"));
  }
  return absl::StrJoin(parts, ", ");
}

std::string CostText(const RunStatus& status) {
  std::vector<std::string> parts;
  if (status.samples_per_insert() > 0.0) {
    parts.push_back(absl::StrFormat("%.3g samples per insert over %.0f s",
                                    status.samples_per_insert(),
                                    status.samples_per_insert_window_s()));
  }
  if (status.cpu_hours() > 0.0) parts.push_back(absl::StrFormat("%.2f CPU h", status.cpu_hours()));
  if (status.gpu_hours() > 0.0) parts.push_back(absl::StrFormat("%.2f GPU h", status.gpu_hours()));
  if (status.cost() > 0.0) parts.push_back(absl::StrFormat("cost %.2f", status.cost()));
  return absl::StrJoin(parts, ", ");
}

std::string DiskText(const DiskSpaceMessage& disk) {
  if (disk.total_bytes() == 0) return "";
  return absl::StrFormat("%.1f of %.1f GB free", 1e-9 * static_cast<double>(disk.free_bytes()),
                         1e-9 * static_cast<double>(disk.total_bytes()));
}

std::string MachineText(const RunStatus& status) {
  std::vector<std::string> parts;
  const std::string disk = DiskText(status.disk());
  if (!disk.empty()) parts.push_back("disk of the run directory: " + disk);
  for (const GpuUsage& gpu : status.gpus()) {
    parts.push_back(absl::StrFormat("GPU %d %.0f%%, %.1f of %.1f GB", gpu.index(),
                                    100.0 * gpu.busy(),
                                    1e-9 * static_cast<double>(gpu.memory_used_bytes()),
                                    1e-9 * static_cast<double>(gpu.memory_total_bytes())));
  }
  return absl::StrJoin(parts, "; ");
}

std::string BuildsText(const RunStatus& status) {
  std::map<std::string, int> builds = {{status.process().build_id(), 1}};
  for (const MemberStatus& member : status.members()) ++builds[member.process().build_id()];
  if (builds.size() == 1) return "";
  std::string text = "BUILDS DIFFER:";
  for (const auto& [build, count] : builds) absl::StrAppend(&text, " ", build, " × ", count);
  return text;
}

}  // namespace pmoe
