#include "common/metrics/disk_metrics.h"

#include "absl/strings/str_cat.h"
#include "common/base/file.h"

namespace pmoe {

void ExportDisk(absl::string_view role, const std::string& folder, MetricsExporter* metrics) {
  const DiskSpace space = DiskSpaceAt(folder);
  if (space.total_bytes == 0) return;
  metrics->Set(absl::StrCat("pmoe_", role, "_disk_free_bytes"),
               static_cast<double>(space.free_bytes));
  metrics->Set(absl::StrCat("pmoe_", role, "_disk_size_bytes"),
               static_cast<double>(space.total_bytes));
}

}  // namespace pmoe
