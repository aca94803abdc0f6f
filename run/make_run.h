// Puts a run together from its configuration, the same way whatever transport lies behind the
// parts: docs/how_a_run_is_put_together.md. Free functions.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "common/policy/policy_spec.h"
#include "proto/config.pb.h"
#include "proto/replay.pb.h"
#include "replay/core/shard_types.h"
#include "run/run_parts.h"

namespace pmoe {

// The table of a run with this policy: TableFromConfig, and what its extra columns may hold.
CreateTableRequest TableOfRun(const RunConfig& config, const PolicySpec& policy);

// Says to the log what will not fit into memory or onto the disk. `table`: nullopt where it lies on
// another machine, which says so itself.
void WarnOfSizes(const RunConfig& config, const std::optional<ReplayShardOptions>& table,
                 const Learner& learner, const RunDirectory& directory);

// Lockstep evaluates every snapshot that is due; async the newest, when it can.
EvaluationBacklog::Keep EvaluationsKept(const RunConfig& config);

// The loop of the configuration's schedule.mode. With `resume` it goes on from the directory's
// newest checkpoint; in async replay must have its rows already.
absl::StatusOr<std::unique_ptr<TrainingRun>> MakeTrainingRun(const RunConfig& config,
                                                             const RunParts& parts, bool resume);

}  // namespace pmoe
