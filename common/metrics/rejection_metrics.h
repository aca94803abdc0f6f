// What the doors of this process have refused, for Prometheus. A function of its own, called now
// and then.
#pragma once

#include "common/metrics/exporter.h"

namespace pmoe {

// Sets pmoe_rejected_total to the counts of Rejections::OfProcess(), and
// pmoe_connections_refused_total.
void ExportRejections(MetricsExporter* metrics);

}  // namespace pmoe
