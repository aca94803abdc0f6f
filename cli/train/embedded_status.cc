#include "cli/train/embedded_status.h"

#include <unistd.h>

#include <utility>

#include "common/config/run_config.h"
#include "replay/wire/table_request.h"
#include "run/view_status.h"

namespace pmoe {
namespace {

constexpr double kRatesEvery_s = 2.0;  // actors report once a second

}  // namespace

EmbeddedStatus::EmbeddedStatus(const RunConfig& config, const std::string& directory) {
  next_.set_directory(directory);
  next_.set_state("running");
  next_.set_mode(config.schedule().mode());
  next_.set_label(RunLabel(config));
  next_.mutable_process()->set_pid(static_cast<uint32_t>(::getpid()));
  rated_steps_.resize(static_cast<size_t>(config.actor().count()));
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
                          const std::vector<uint64_t>& actor_steps) {
  shown_ = true;
  since_shown_.Lap();
  FillStatus(view, &next_);
  next_.set_total_steps(total_steps);
  next_.set_uptime_s(uptime_.Elapsed());
  ShowActors(actor_steps);
  ShowReplay(replay, demos);
  *next_.mutable_usage() = MeasureUsage(&meter_);
  next_.clear_gpus();
  for (GpuUsage& gpu : gpus_.Look()) *next_.add_gpus() = std::move(gpu);
  MutexLock lock(&mu_);
  status_ = next_;
}

RunStatus EmbeddedStatus::Get() const {
  MutexLock lock(&mu_);
  return status_;
}

// They read the newest weights at every step.
void EmbeddedStatus::ShowActors(const std::vector<uint64_t>& steps) {
  const bool rates_due = since_rates_.Elapsed() >= kRatesEvery_s;
  const double seconds = rates_due ? since_rates_.Lap() : 0.0;
  for (size_t index = 0; index < rated_steps_.size(); ++index) {
    MemberStatus* const actor = next_.mutable_members(static_cast<int>(index));
    actor->set_policy_version(next_.policy_version());
    actor->mutable_rates()->set_env_steps(steps[index]);
    if (!rates_due) continue;
    const uint64_t made = steps[index] - std::exchange(rated_steps_[index], steps[index]);
    actor->mutable_rates()->set_env_steps_per_s(static_cast<double>(made) / seconds);
  }
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
