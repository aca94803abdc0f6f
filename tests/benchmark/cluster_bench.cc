// bench cluster: what a cluster costs, in parts: processes against one process, more actors, TLS,
// viewers, and how far actors scale.
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/cluster_parts.h"
#include "tests/benchmark/measure.h"

namespace pmoe {
namespace {

struct Part {
  const char* name;
  absl::Status (*run)(const BenchFlags& flags, Report* report);
};

constexpr Part kParts[] = {{"modes", BenchClusterModes},
                           {"actors", BenchClusterActors},
                           {"tls", BenchClusterTls},
                           {"viewer", BenchClusterViewer},
                           {"scale", BenchClusterScale}};

}  // namespace

absl::Status BenchCluster(const BenchFlags& flags, Report* report) {
  bool any = false;
  for (const Part& part : kParts) {
    if (!flags.Chooses(part.name)) continue;
    any = true;
    PMOE_RETURN_IF_ERROR(part.run(flags, report));
  }
  if (!any) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--only must name a part: modes, actors, tls, viewer or scale; got ", flags.only));
  }
  report->Value("load_average_after", LoadAverage());
  return absl::OkStatus();
}

}  // namespace pmoe
