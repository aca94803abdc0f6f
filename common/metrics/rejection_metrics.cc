#include "common/metrics/rejection_metrics.h"

#include "absl/strings/str_cat.h"
#include "common/base/listener.h"
#include "common/metrics/rejections.h"

namespace pmoe {

void ExportRejections(MetricsExporter* metrics) {
  metrics->Set("pmoe_connections_refused_total", static_cast<double>(ConnectionsRefused()));
  for (const auto& [key, count] : Rejections::OfProcess().Counts()) {
    metrics->Set("pmoe_rejected_total", static_cast<double>(count),
                 absl::StrCat(key.first, ",", key.second));
  }
}

}  // namespace pmoe
