// A cluster of `pmoe up` that runs beside the benchmark until the object goes, and looks at it from
// outside. One thread at a time, which must outlive it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/up/child.h"
#include "tests/benchmark/scratch_folder.h"

namespace pmoe {

struct ClusterLook {
  double time_s = 0.0;  // since some moment
  double env_steps = 0.0, updates = 0.0;
  double cpu_s = 0.0;       // of the members' threads that live
  double private_mb = 0.0;  // of all members
  int actors = 0;           // connected
  // The run's verdict: its text, and the factor of each change that it names.
  std::string verdict{};
  std::map<std::string, double> gains{};
};

class RunningCluster {
 public:
  // words: of `pmoe up`, without --out.
  static absl::StatusOr<std::unique_ptr<RunningCluster>> Start(
      const std::vector<std::string>& words);
  // Ctrl-C, and at most a minute for its end.
  ~RunningCluster();

  // Until that many actors take part and the run has so many env steps. DeadlineExceededError with
  // the last lines of its log.
  absl::Status Await(int actors, double env_steps, std::chrono::seconds limit);
  // UnavailableError: no learner answers, or the cluster has ended.
  absl::StatusOr<ClusterLook> Look() const;
  // Two looks, about `seconds` apart.
  absl::StatusOr<std::pair<ClusterLook, ClusterLook>> LookTwice(double seconds) const;

  struct Member {
    std::string role;
    pid_t pid = 0;
  };
  std::vector<Member> members() const;
  // 0 if there is none.
  pid_t PidOf(const std::string& role) const;
  // Where each member serves /metrics.
  absl::StatusOr<std::vector<std::string>> MetricsAddresses() const;

 private:
  RunningCluster() = default;
  std::string directory() const { return folder_.path() + "/run"; }
  std::string log() const { return folder_.path() + "/up.log"; }

  const ScratchFolder folder_;
  std::optional<Child> up_;
};

}  // namespace pmoe
