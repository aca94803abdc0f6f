// The parts of `bench cluster`; docs/performance.md says what each measures. They print into the
// report as they go.
#pragma once

#include "absl/status/status.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/report.h"

namespace pmoe {

// One process against a cluster of one actor, in both modes.
absl::Status BenchClusterModes(const BenchFlags& flags, Report* report);
// 1, 2, 4 and 8 actors, async.
absl::Status BenchClusterActors(const BenchFlags& flags, Report* report);
// TLS over plain TCP: bare streams, and a whole cluster.
absl::Status BenchClusterTls(const BenchFlags& flags, Report* report);
// What a viewer of the dashboard and a Prometheus cost the learner.
absl::Status BenchClusterViewer(const BenchFlags& flags, Report* report);
// Env steps per second of 1 to 256 actors whose environment takes 10 ms per step.
absl::Status BenchClusterScale(const BenchFlags& flags, Report* report);

}  // namespace pmoe
