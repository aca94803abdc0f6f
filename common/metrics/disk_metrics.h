// How full the volume of a role's folder is: a full one ends a training at its next checkpoint, so
// people want to know before. A function of its own, called now and then; it blocks as statvfs
// does.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/metrics/exporter.h"

namespace pmoe {

// Sets pmoe_<role>_disk_free_bytes, as this user may write them, and pmoe_<role>_disk_size_bytes
// for the volume that holds `folder`. `role`: "learner" or "replay". A folder that cannot be read
// leaves both as they were.
void ExportDisk(absl::string_view role, const std::string& folder, MetricsExporter* metrics);

}  // namespace pmoe
