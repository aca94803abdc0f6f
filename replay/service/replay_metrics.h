// A shard's counts as the metrics of /metrics (docs/metrics.md).
#pragma once

#include "common/metrics/exporter.h"
#include "proto/replay.pb.h"

namespace pmoe {

void ExportCounts(const TableStats& stats, MetricsExporter* metrics);

}  // namespace pmoe
