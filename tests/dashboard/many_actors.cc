// pmoe-many-actors DIR ACTORS: the dashboard over the runs in DIR, whose first one has so many
// actors, made up: each tenth is slow, number 3 goes; 0: nobody runs it. For page_actors_test.py,
// which also measures what pages cost. Ends with the process.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "common/base/clock.h"
#include "common/base/stopwatch.h"
#include "control/wire/name_stragglers.h"
#include "dashboard/dashboard.h"

namespace pmoe {
namespace {

constexpr double kPublish_s = 0.5;  // between snapshots
constexpr double kGone_s = 1.0;     // number 3 stays so long

void AddActor(uint32_t index, double now_s, RunStatus* status) {
  const bool slow = index % 10 == 5;
  MemberStatus* const actor = status->add_members();
  actor->set_role(RUN_ROLE_ACTOR);
  actor->set_index(index);
  actor->set_epoch(1);
  actor->set_connected(index != 3 || now_s < kGone_s);
  actor->set_last_report_s(0.3);
  actor->set_policy_version(status->policy_version() - (slow ? 9 : index % 3));
  ActorRates* const rates = actor->mutable_rates();
  rates->set_env_steps_per_s((slow ? 30.0 : 100.0) + 5.0 * std::sin(now_s + index));
  ActorTime* const time = rates->mutable_time();
  time->set_env(slow ? 0.9 : 0.5);
  time->set_policy(0.05);
  time->set_write(0.05);
  time->set_blocked(slow ? 0.0 : 0.4);
  rates->mutable_insert_ack()->set_count(100);
  rates->mutable_insert_ack()->set_p50_s(0.001 + 1e-5 * index);
  rates->mutable_insert_ack()->set_p90_s(0.002);
  rates->mutable_insert_ack()->set_p99_s(0.004);
  rates->mutable_insert_ack()->set_max_s(0.02);
  actor->mutable_usage()->set_cpu_cores(0.9);
  actor->mutable_usage()->set_memory_bytes(60 << 20);
}

RunStatus StatusOf(uint32_t actors, double now_s) {
  RunStatus status;
  status.set_state("running");
  status.set_mode("async");
  status.set_policy_version(100 + static_cast<uint64_t>(now_s / kPublish_s));
  status.set_env_steps(static_cast<uint64_t>(now_s * 90 * actors) + 1);
  status.set_total_steps(10'000'000);
  status.set_env_steps_per_s(90.0 * actors);
  status.set_updates_per_s(812.5);
  status.set_samples_per_insert(3.25);
  status.set_samples_per_insert_window_s(10);
  status.set_policy_lag_versions(1.5);
  status.set_policy_lag_s(0.75);
  status.set_cpu_hours(12.5);
  VerdictMessage* const verdict = status.mutable_verdict();
  verdict->set_bottleneck("learner");
  verdict->set_text("The learner is the bottleneck: actors idle 36 %. More actors will not help.");
  for (const auto& [change, factor] :
       {std::pair{"twice the actors", 1.0}, std::pair{"a second learner thread", 1.6}}) {
    GainMessage* const gain = verdict->add_gains();
    gain->set_change(change);
    gain->set_factor(factor);
  }
  LearnerTime* const time = status.mutable_time();
  time->set_update(0.9);
  time->set_publish(0.02);
  PhaseShare* const phase = time->add_phases();
  phase->set_name("critics");
  phase->set_share(0.6);
  LatencyMessage* const sample = status.add_latencies();
  sample->set_name("sample");
  sample->set_count(1000);
  sample->set_p50_s(0.00035);
  sample->set_p90_s(0.0005);
  sample->set_p99_s(0.0012);
  sample->set_max_s(0.02);
  for (uint32_t index = 0; index < actors; ++index) AddActor(index, now_s, &status);
  return status;
}

int Main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto actors = static_cast<uint32_t>(std::atoi(argv[2]));
  const Stopwatch watch;
  DashboardOptions options;
  options.address = "127.0.0.1:0";
  options.folders = {{argv[1], 1}};
  RunCatalog catalog(options.folders);
  const std::vector<RunEntry> runs = catalog.List();
  if (runs.empty()) return 2;
  options.own = runs.front().path;
  options.live = [&, own = options.own](const std::string& run) -> std::optional<RunStatus> {
    if (run != own || actors == 0) return std::nullopt;
    RunStatus status = StatusOf(actors, watch.Elapsed());
    NameStragglers(&status);
    return status;
  };
  const auto dashboard = Dashboard::Start(std::move(options));
  if (!dashboard.ok()) return 1;
  std::printf("dashboard: %s\n", (*dashboard)->url().c_str());
  std::fflush(stdout);
  for (;;) Clock::Real()->Sleep(std::chrono::seconds(1));
}

}  // namespace
}  // namespace pmoe

int main(int argc, char** argv) { return pmoe::Main(argc, argv); }
