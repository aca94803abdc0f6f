#include "cli/train/embedded_status.h"

#include <unistd.h>

#include <utility>

#include "common/config/run_config.h"
#include "control/wire/name_stragglers.h"
#include "replay/wire/table_request.h"
#include "run/view_status.h"

namespace pmoe {

EmbeddedStatus::EmbeddedStatus(const RunConfig& config, const std::string& directory, bool alone)
    : alone_(alone),
      on_gpu_(config.learner().device() != "cpu"),
      step_rates_(static_cast<size_t>(config.actor().count()), RecentRates(kTimeWindow_s)),
      shares_(static_cast<size_t>(config.actor().count())),
      judge_(config, alone ? RunJudge::Processes::kOne : RunJudge::Processes::kShared) {
  next_.set_directory(directory);
  next_.set_state("running");
  next_.set_mode(config.schedule().mode());
  next_.set_label(RunLabel(config));
  next_.mutable_process()->set_pid(static_cast<uint32_t>(::getpid()));
  for (int index = 0; index < config.actor().count(); ++index) {
    MemberStatus* const actor = next_.add_members();
    actor->set_role(RUN_ROLE_ACTOR);
    actor->set_index(static_cast<uint32_t>(index));
    actor->set_connected(true);
  }
  MemberStatus* const replay = next_.add_members();
  replay->set_role(RUN_ROLE_REPLAY);
  replay->set_connected(true);
  MutexLock lock(&mu_);
  status_ = next_;
}

void EmbeddedStatus::Show(const RunView& view, uint64_t total_steps, const ReplayShard& replay,
                          const std::optional<ShardStats>& demos,
                          const std::vector<EmbeddedActor>& actors) {
  shown_ = true;
  since_shown_.Lap();
  FillStatus(view, &next_);
  next_.set_total_steps(total_steps);
  next_.set_uptime_s(uptime_.Elapsed());
  ShowActors(actors);
  ShowReplay(replay, demos);
  ShowUse(&view.log->meter());
  if (judge_.Due()) *next_.mutable_verdict() = judge_.Judge(next_);
  RunStatus shown = next_;
  NameStragglers(&shown);
  MutexLock lock(&mu_);
  status_ = std::move(shown);
}

RunStatus EmbeddedStatus::Get() const {
  MutexLock lock(&mu_);
  return status_;
}

// They read the newest weights at every step.
void EmbeddedStatus::ShowActors(const std::vector<EmbeddedActor>& actors) {
  for (size_t index = 0; index < actors.size(); ++index) {
    MemberStatus* const member = next_.mutable_members(static_cast<int>(index));
    ActorRates* const rates = member->mutable_rates();
    member->set_policy_version(next_.policy_version());
    rates->set_env_steps(actors[index].env_steps);
    rates->set_write_blocked_s(actors[index].seconds.blocked);
    step_rates_[index].Add({static_cast<double>(actors[index].env_steps)});
    const std::vector<double> per_second = step_rates_[index].PerSecond();
    if (!per_second.empty()) rates->set_env_steps_per_s(per_second[0]);
    shares_[index].Look(actors[index].seconds);
    if (ActorTime time; shares_[index].Fill(&time)) *rates->mutable_time() = time;
  }
}

void EmbeddedStatus::ShowUse(RunMeter* meter) {
  *next_.mutable_usage() = MeasureUsage(&meter_);
  const std::vector<GpuUsage> gpus = gpus_.Look();
  *next_.mutable_gpus() = {gpus.begin(), gpus.end()};
  resources_.LookAtOwn(next_.usage());
  resources_.LookAtGpus(gpus);
  if (!alone_) return;
  meter->SetCpuSeconds(resources_.cpu_s());
  if (on_gpu_ && resources_.has_gpus()) meter->SetGpuSeconds(resources_.gpu_s());
}

void EmbeddedStatus::ShowReplay(const ReplayShard& replay, const std::optional<ShardStats>& demos) {
  const ShardStats stats = replay.Stats();
  TableStats* const table = next_.mutable_members(next_.members_size() - 1)->mutable_table();
  table->set_has_table(true);
  table->set_size(stats.size);
  table->set_inserted(stats.inserted);
  table->set_sampled(stats.sampled);
  table->set_bytes(stats.bytes);
  table->set_insert_blocked_s(stats.inserts_blocked.total);
  table->set_sample_blocked_s(stats.samples_blocked.total);
  table->set_limiter(replay.Explain());
  table->clear_tables();
  if (!demos.has_value()) return;
  NamedTableStats* const named = table->add_tables();
  named->set_name(kDemoTable);
  named->set_size(demos->size);
  named->set_loaded(demos->loaded);
  named->set_sampled(demos->sampled);
}

}  // namespace pmoe
