#include "run/make_run.h"

#include <string>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/memory_limit.h"
#include "common/config/run_config.h"
#include "replay/core/size_warnings.h"
#include "replay/wire/table_request.h"
#include "run/async_run.h"
#include "run/checkpoint.h"
#include "run/lockstep_run.h"

namespace pmoe {

CreateTableRequest TableOfRun(const RunConfig& config, const PolicySpec& policy) {
  CreateTableRequest table = TableFromConfig(
      config, {policy.obs_dim, policy.action_dim, static_cast<int>(policy.columns.size())});
  for (const char* name : {kColumnComponent, kColumnOptionBefore}) {
    const int column = policy.ColumnIndex(name);
    TableColumns* const columns = table.mutable_columns();
    while (columns->choices_size() <= column) columns->add_choices(0);
    if (column >= 0) columns->set_choices(column, static_cast<uint32_t>(policy.primitives));
  }
  return table;
}

void WarnOfSizes(const RunConfig& config, const std::optional<ReplayShardOptions>& table,
                 const Learner& learner, const RunDirectory& directory) {
  const int64_t streams = int64_t{config.actor().count()} * config.actor().envs();
  const TableSize full =
      table.has_value() ? FullSize(*table, TotalSteps(config), streams) : TableSize();
  const int keep = config.checkpoint().keep();
  const int tables = keep + 2;  // a shard removes the oldest when the next one is whole
  for (const std::string& warning :
       SizeWarnings(full, MemoryLimit(), tables, (keep + 1) * StateBytes(learner), directory.path(),
                    DiskSpaceAt(directory.path()))) {
    Log(LogLevel::kWarning, warning);
  }
}

EvaluationBacklog::Keep EvaluationsKept(const RunConfig& config) {
  return IsLockstep(config) ? EvaluationBacklog::Keep::kAll : EvaluationBacklog::Keep::kNewest;
}

absl::StatusOr<std::unique_ptr<TrainingRun>> MakeTrainingRun(const RunConfig& config,
                                                             const RunParts& parts, bool resume) {
  if (IsLockstep(config)) return LockstepRun::Create(config, parts, resume);
  return AsyncRun::Create(config, parts, resume);
}

}  // namespace pmoe
