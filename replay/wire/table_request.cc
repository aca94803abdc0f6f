#include "replay/wire/table_request.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"
#include "common/config/algorithms.h"
#include "common/config/learner_choices.h"
#include "common/config/run_config.h"

namespace pmoe {
namespace {

// min_size: update_after; samples per insert: batch size x updates per step.
TableLimiter LimiterFromConfig(const RunConfig& config) {
  TableLimiter limiter;
  limiter.set_min_size(std::max<int64_t>(config.schedule().update_after(), 1));
  limiter.set_samples_per_insert(OwnRows(config) * config.schedule().updates_per_step());
  limiter.set_sample_max(OwnRows(config));
  return limiter;
}

TableRollouts RolloutsFromConfig(const RunConfig& config) {
  // Rows of the rollout that comes next are one version old when they are learned from, and one
  // more where their actor waited for room: what lies beyond is for greater lags.
  constexpr int kLagOfTheNext = 2;
  TableRollouts rollouts;
  rollouts.set_rollout_steps(config.schedule().steps_per_round());
  rollouts.set_max_lag(std::max(0, config.schedule().max_lag() - kLagOfTheNext));
  return rollouts;
}

Durability DurabilityOf(const RunConfig& config) {
  const std::string& choice = config.replay().durability();
  if (choice == "wal") return DURABILITY_WAL;
  return choice == "async" ? DURABILITY_ASYNC : DURABILITY_NONE;
}

TablePriorities PrioritiesFromConfig(const RunConfig& config) {
  const ReplayConfig& replay = config.replay();
  TablePriorities priorities;
  priorities.set_alpha(replay.priority_alpha());
  priorities.set_beta(replay.priority_beta());
  priorities.set_beta_end(replay.priority_beta_end());
  priorities.set_beta_rows(config.schedule().total_steps());
  priorities.set_update_rows_max(config.learner().batch_size());
  return priorities;
}

RowOrder OrderOf(const RunConfig& config) {
  if (AlgorithmOf(config).on_policy()) return ROW_ORDER_NONE;
  switch (ParseChoice<RowChoice>(config.replay().selector())) {
    case RowChoice::kLifo:
      return ROW_ORDER_LIFO;
    case RowChoice::kFifo:
      return ROW_ORDER_FIFO;
    default:
      return ROW_ORDER_NONE;
  }
}

constexpr uint32_t kNamedStreams = uint32_t{1} << 31;  // beyond the shards of a run's own table

int64_t Share(int64_t all, int shards) { return (all + shards - 1) / shards; }

}  // namespace

CreateTableRequest TableFromConfig(const RunConfig& config, const TableSpec& columns) {
  CreateTableRequest table;
  *table.mutable_columns() = ColumnsOf(columns);
  table.set_capacity(config.replay().capacity());
  table.set_bytes_max(config.replay().bytes_max());
  table.set_n_step(config.replay().n_step());
  table.set_gamma(config.learner().gamma());
  table.set_seed(config.seed());
  table.set_lockstep(IsLockstep(config));
  table.set_actors(config.actor().count());
  table.set_first_round(kFirstRound);
  table.set_accept_nonfinite(!config.replay().reject_nonfinite());
  // Actors of an async run may live on with what an earlier configuration said.
  if (table.lockstep()) table.set_envs(static_cast<uint32_t>(config.actor().envs()));
  table.set_newest_version(0);  // the learner will say (RpcReplayControl::OnPublish)
  if (!table.lockstep()) table.set_durability(DurabilityOf(config));
  if (AlgorithmOf(config).on_policy()) {
    *table.mutable_on_policy() = RolloutsFromConfig(config);
  } else if (!table.lockstep()) {
    *table.mutable_limiter() = LimiterFromConfig(config);
  }
  if (IsPrioritized(config)) *table.mutable_priorities() = PrioritiesFromConfig(config);
  table.set_order(OrderOf(config));
  if (!AlgorithmOf(config).on_policy()) {
    table.set_max_times_sampled(config.replay().max_times_sampled());
  }
  return table;
}

CreateTableRequest DemoTableFrom(const CreateTableRequest& own) {
  CreateTableRequest demos = own;
  demos.set_table(kDemoTable);
  demos.set_bytes_max(0);
  // Neither rounds nor a limiter; and whoever calls itself a writer waits for a grant that never
  // comes.
  demos.set_granted_inserts(true);
  demos.set_lockstep(false);
  demos.clear_actors();
  demos.clear_envs();
  demos.clear_limiter();
  demos.set_order(ROW_ORDER_NONE);
  demos.set_max_times_sampled(0);
  // Inserted rows move beta on, and there are none.
  if (demos.has_priorities()) {
    demos.mutable_priorities()->set_beta(demos.priorities().beta_end());
  }
  return demos;
}

CreateTableRequest TableOfShard(const CreateTableRequest& all, int index, int shards) {
  CreateTableRequest part = all;
  part.set_shard(static_cast<uint32_t>(index));
  part.set_capacity(Share(all.capacity(), shards));
  part.set_bytes_max(Share(all.bytes_max(), shards));
  if (!all.has_limiter() || shards == 1) return part;
  part.clear_limiter();  // of several shards the learner limits
  part.set_granted_inserts(true);
  return part;
}

absl::Status CheckTable(const CreateTableRequest& all, int shards) {
  if (shards < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.shards must be >= 1, got ", shards, "; 1 is enough for most runs"));
  }
  if (all.lockstep() && shards > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("schedule.mode lockstep needs replay.shards 1, got ", shards,
                     "; use mode async for several shards"));
  }
  if (all.has_priorities() && shards > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.selector prioritized needs replay.shards 1, got ", shards,
                     "; no shard knows the others' priorities"));
  }
  if ((all.order() != ROW_ORDER_NONE || all.max_times_sampled() > 0) && shards > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "replay.selector lifo and fifo, and replay.max_times_sampled, need replay.shards 1, got ",
        shards, "; no shard knows of the others' rows"));
  }
  if (!all.has_on_policy()) return absl::OkStatus();
  PMOE_RETURN_IF_ERROR(ShardOptions(all).table.fifo->Validate());
  if (shards == 1 && !all.has_limiter()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("an on-policy run needs replay.shards 1 and no limiter, got ", shards,
                   all.has_limiter() ? " and one" : ""));
}

ReplayShardOptions ShardOptions(const CreateTableRequest& table) {
  ReplayShardOptions options;
  options.spec = SpecOf(table.columns());
  options.rules.reject_nonfinite = !table.accept_nonfinite();
  if (table.envs() > 0) options.rules.envs = table.envs();
  ExtraChoices* const choices = &options.rules.choices;
  choices->columns = table.columns().choices_size();
  std::copy_n(table.columns().choices().begin(),
              std::min(choices->columns, ExtraChoices::kColumnsMax), choices->below.begin());
  options.table.capacity = table.capacity();
  options.table.bytes_max = table.bytes_max();
  options.table.n_step = table.n_step();
  options.table.gamma = table.gamma();
  options.stage.actors = table.lockstep() ? table.actors() : 1;
  options.stage.first_round = table.first_round();
  options.seed = table.seed();
  options.index = table.shard();
  // A random stream of its own.
  if (!table.table().empty()) options.index += Crc32c(table.table()) | kNamedStreams;
  options.gate.granted_inserts = table.granted_inserts();
  if (table.has_on_policy()) {
    options.table.fifo = FifoOptions{.rollout_steps = table.on_policy().rollout_steps(),
                                     .max_lag = table.on_policy().max_lag()};
  }
  options.table.max_times_sampled = table.max_times_sampled();
  if (table.order() == ROW_ORDER_LIFO) options.table.age = RowAge::kNewest;
  if (table.order() == ROW_ORDER_FIFO) options.table.age = RowAge::kOldest;
  if (table.has_limiter()) options.gate.limiter = LimiterOptions(table.limiter());
  if (table.has_priorities()) {
    const TablePriorities& priorities = table.priorities();
    options.table.priority = PriorityOptions{.alpha = priorities.alpha(),
                                             .beta = priorities.beta(),
                                             .beta_end = priorities.beta_end(),
                                             .beta_rows = priorities.beta_rows(),
                                             .update_rows_max = priorities.update_rows_max()};
  }
  return options;
}

RateLimiterOptions LimiterOptions(const TableLimiter& limiter) {
  return {.min_size = limiter.min_size(),
          .samples_per_insert = limiter.samples_per_insert(),
          .error_window = limiter.error_window(),
          .insert_max = kPageRows,
          .sample_max = limiter.sample_max()};
}

TableSpec SpecOf(const TableColumns& columns) {
  return {columns.obs_dim(), columns.action_dim(), columns.extra_dim()};
}

TableColumns ColumnsOf(const TableSpec& spec) {
  TableColumns columns;
  columns.set_obs_dim(spec.obs_dim);
  columns.set_action_dim(spec.action_dim);
  columns.set_extra_dim(spec.extra_dim);
  return columns;
}

}  // namespace pmoe
