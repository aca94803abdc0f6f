#include "tests/benchmark/running_cluster.h"

#include <poll.h>
#include <signal.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/up/supervisor.h"
#include "common/base/build_info.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "nlohmann/json.hpp"
#include "tests/benchmark/child_process.h"
#include "tests/benchmark/process_times.h"

namespace pmoe {
namespace {

using nlohmann::json;

constexpr int kPoll_ms = 100;
constexpr std::chrono::seconds kEnd(60);

// 64-bit numbers are text in the JSON of protobuf.
double Number(const json& object, const char* name) {
  const auto at = object.find(name);
  if (at == object.end()) return 0.0;
  double value = 0.0;
  if (at->is_number()) return at->get<double>();
  return at->is_string() && absl::SimpleAtod(at->get<std::string>(), &value) ? value : 0.0;
}

absl::StatusOr<json> AskStatus(const std::string& directory) {
  PMOE_ASSIGN_OR_RETURN(const ChildResult result,
                        RunChild({BinaryPath("pmoe"), "status", "--run", directory, "--json"},
                                 /*show_errors=*/false));
  json status = json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  if (!status.is_object()) return absl::UnavailableError("pmoe status printed no JSON");
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunningCluster>> RunningCluster::Start(
    const std::vector<std::string>& words) {
  std::unique_ptr<RunningCluster> cluster(new RunningCluster());
  if (cluster->folder_.path().empty()) return absl::InternalError("cannot make a folder in TMPDIR");
  std::vector<std::string> command = {BinaryPath("pmoe"), "up", "--out", cluster->directory()};
  command.insert(command.end(), words.begin(), words.end());
  PMOE_ASSIGN_OR_RETURN(cluster->up_, Child::Start(command, cluster->log()));
  return cluster;
}

RunningCluster::~RunningCluster() {
  if (!up_.has_value()) return;
  up_->Signal(SIGINT);
  const auto deadline = Clock::Real()->Now() + kEnd;
  while (!up_->Poll().has_value() && Clock::Real()->Now() < deadline) ::poll(nullptr, 0, kPoll_ms);
}

std::vector<RunningCluster::Member> RunningCluster::members() const {
  std::vector<Member> members;
  const absl::StatusOr<std::string> text = ReadFile(directory() + "/cluster.json");
  if (!text.ok()) return members;
  const json list = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return members;
  for (const json& entry : list)
    members.push_back({entry.value("role", ""), entry.value("pid", 0)});
  return members;
}

pid_t RunningCluster::PidOf(const std::string& role) const {
  for (const Member& member : members()) {
    if (member.role == role) return member.pid;
  }
  return 0;
}

absl::StatusOr<ClusterLook> RunningCluster::Look() const {
  PMOE_ASSIGN_OR_RETURN(const json status, AskStatus(directory()));
  ClusterLook look;
  look.env_steps = Number(status, "env_steps");
  look.updates = Number(status, "updates");
  look.time_s = std::chrono::duration<double>(Clock::Real()->Now().time_since_epoch()).count();
  for (const json& member : status.value("members", json::array())) {
    if (member.value("role", "") == "RUN_ROLE_ACTOR" && member.value("connected", false)) {
      ++look.actors;
    }
  }
  const json verdict = status.value("verdict", json::object());
  look.verdict = verdict.value("text", "");
  for (const json& gain : verdict.value("gains", json::array())) {
    look.gains[gain.value("change", "")] = Number(gain, "factor");
  }
  for (const Member& member : members()) {
    look.cpu_s += CpuSecondsOf(member.pid);
    look.private_mb += PrivateMegabytes(member.pid);
  }
  return look;
}

absl::Status RunningCluster::Await(int actors, double env_steps, std::chrono::seconds limit) {
  const auto deadline = Clock::Real()->Now() + limit;
  absl::StatusOr<ClusterLook> look = Look();
  for (;; look = Look()) {
    if (absl::IsCancelled(look.status())) return look.status();
    if (look.ok() && look->actors >= actors && look->env_steps >= env_steps) {
      return absl::OkStatus();
    }
    const std::optional<ChildEnd> end = up_->Poll();
    if (end.has_value() || Clock::Real()->Now() > deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          "the cluster did not come to ", actors, " actors and ", env_steps, " env steps",
          end.has_value() ? "; it " + end->Text() : "", look.ok() ? "" : "; no learner answers",
          "; its last words:\n", LastLines(log(), 5)));
    }
    ::poll(nullptr, 0, kPoll_ms);
  }
}

absl::StatusOr<std::pair<ClusterLook, ClusterLook>> RunningCluster::LookTwice(
    double seconds) const {
  PMOE_ASSIGN_OR_RETURN(const ClusterLook first, Look());
  Stopwatch watch;
  while (watch.Elapsed() < seconds) ::poll(nullptr, 0, kPoll_ms);
  PMOE_ASSIGN_OR_RETURN(const ClusterLook second, Look());
  return std::pair(first, second);
}

absl::StatusOr<std::vector<std::string>> RunningCluster::MetricsAddresses() const {
  PMOE_ASSIGN_OR_RETURN(const json status, AskStatus(directory()));
  std::vector<std::string> addresses;
  const auto add = [&](const json& holder) {
    const std::string address =
        holder.value("process", json::object()).value("metrics_address", "");
    if (!address.empty()) addresses.push_back(address);
  };
  add(status);
  for (const json& member : status.value("members", json::array())) add(member);
  return addresses;
}

}  // namespace pmoe
