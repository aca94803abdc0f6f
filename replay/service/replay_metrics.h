// What a shard tells of itself at /metrics (docs/metrics.md).
#pragma once

#include "common/metrics/exporter.h"
#include "proto/replay.pb.h"
#include "replay/core/shard_types.h"

namespace pmoe {

void ExportCounts(const TableStats& stats, MetricsExporter* metrics);
// How long the limiter has let each side wait by now.
void ExportWaits(const ShardStats& counts, MetricsExporter* metrics);

}  // namespace pmoe
