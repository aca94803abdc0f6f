// The named benchmarks of `pmoe bench`. Each measures against a limit or a peer in the same run,
// alternating, because absolute numbers of a shared machine drift (docs/performance.md). They print
// into a Report as they go.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "tests/benchmark/report.h"

namespace pmoe {

struct BenchFlags {
  bool json = false;
  double seconds = 1.0;  // on the clock per measured thing, all rounds together
  int rounds = 5;        // alternations; the median counts
  std::string only;      // "sac,ppo": rows whose name contains one of these; empty: all

  int threads = 1;             // learner, threshold
  std::string device = "cpu";  // learner: where autograd's updates run

  int steps = 4000;  // e2e, ppo, cluster: env steps on the clock per run; threshold: at most
  std::vector<std::string> sets;    // e2e, ppo, cluster, threshold: further `--set` of ours
  bool peers = true;                // e2e, ppo, learner, threshold
  std::string env;                  // threshold: the only task; empty: its own three
  std::optional<double> threshold;  // threshold: the return to reach in `env`
  std::string csv;                  // cluster: where "scale" writes its points; empty: nowhere

  // Whether `only` has the row.
  bool Chooses(absl::string_view name) const {
    const std::vector<absl::string_view> parts = absl::StrSplit(only, ',', absl::SkipEmpty());
    return only.empty() || absl::c_any_of(parts, [&](absl::string_view part) {
             return absl::StrContains(name, part);
           });
  }
};

absl::Status BenchEnv(const BenchFlags& flags, Report* report);
absl::Status BenchGym(const BenchFlags& flags, Report* report);
absl::Status BenchPolicy(const BenchFlags& flags, Report* report);
absl::Status BenchReplay(const BenchFlags& flags, Report* report);
absl::Status BenchWire(const BenchFlags& flags, Report* report);
absl::Status BenchLearner(const BenchFlags& flags, Report* report);
absl::Status BenchActor(const BenchFlags& flags, Report* report);
absl::Status BenchCluster(const BenchFlags& flags, Report* report);
absl::Status BenchEndToEnd(const BenchFlags& flags, Report* report);
absl::Status BenchThreshold(const BenchFlags& flags, Report* report);
absl::Status BenchVerdict(const BenchFlags& flags, Report* report);
absl::Status BenchPpo(const BenchFlags& flags, Report* report);

}  // namespace pmoe
