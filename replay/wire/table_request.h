// The one description of a run's table: made from its configuration, carried by CreateTable, and
// turned into what a shard is made with. A replay setting is a field of config.proto and of
// CreateTableRequest, and a line in each function here. Free functions.
#pragma once

#include "absl/status/status.h"
#include "proto/config.pb.h"
#include "proto/replay.pb.h"
#include "replay/core/shard_types.h"

namespace pmoe {

// The table of all shards together, in the form in which each gets its part.
CreateTableRequest TableFromConfig(const RunConfig& config, const TableSpec& columns);
// Of the table of demonstrations that a run has beside its own.
inline constexpr char kDemoTable[] = "demos";
// The table of a run's demonstrations (replay.demos), as `own` is the run's: rows of files alone,
// of which none is let go, uniform or by priority.
CreateTableRequest DemoTableFrom(const CreateTableRequest& own);
// Shard `index`'s part of a table that `shards` shards hold together.
CreateTableRequest TableOfShard(const CreateTableRequest& all, int index, int shards);
// InvalidArgumentError: a table that so many shards cannot hold together.
absl::Status CheckTable(const CreateTableRequest& all, int shards);

ReplayShardOptions ShardOptions(const CreateTableRequest& table);
RateLimiterOptions LimiterOptions(const TableLimiter& limiter);
TableSpec SpecOf(const TableColumns& columns);
TableColumns ColumnsOf(const TableSpec& spec);

}  // namespace pmoe
