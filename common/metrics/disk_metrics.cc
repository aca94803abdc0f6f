#include "common/metrics/disk_metrics.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace pmoe {

void ExportDisk(absl::string_view role, const std::string& folder, MetricsExporter* metrics) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error) return;
  metrics->Set(absl::StrCat("pmoe_", role, "_disk_free_bytes"),
               static_cast<double>(space.available));
  metrics->Set(absl::StrCat("pmoe_", role, "_disk_size_bytes"),
               static_cast<double>(space.capacity));
}

}  // namespace pmoe
