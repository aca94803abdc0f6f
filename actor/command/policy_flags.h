// Which run's policy acts, and how: the options that `eval`, `play` and `export` share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/evaluator.h"
#include "common/base/cli_fwd.h"
#include "common/policy/policy_snapshot.h"
#include "proto/config.pb.h"

namespace pmoe {

struct LoadedRun {
  RunConfig config;
  std::shared_ptr<const PolicySnapshot> snapshot;
};

// Filled by the parser that AddTo was called on, which keeps pointers into these objects.
class RunFlags {
 public:
  // --run --zoo --snapshot --env --env-arg --python --allow-other-env.
  void AddTo(CLI::App* app);
  // "latest" or "best"; the zoo has the best.
  std::string snapshot() const;

  // InvalidArgumentError: neither --run nor --zoo. NotFoundError: no run directory, no policy of
  // that name in the zoo, or no such snapshot yet. FailedPreconditionError: the task is
  // not the run's; see SettleEnv.
  absl::StatusOr<LoadedRun> Load() const;
  // For who needs the policy alone: a task that is not here is no error.
  absl::StatusOr<LoadedRun> LoadPolicy() const;

 private:
  absl::StatusOr<std::string> Directory() const;
  absl::StatusOr<LoadedRun> Read(const std::string& run) const;
  absl::Status Settle(const std::string& directory, LoadedRun* run) const;

  std::string run_;
  std::string zoo_;
  std::string snapshot_;  // empty: the default
  std::string env_;
  std::vector<std::string> env_args_;
  std::string python_;
  bool allow_other_env_ = false;
};

class PolicyFlags {
 public:
  // --primitive --action --obs-noise --seed --episodes --episode-steps-max.
  void AddTo(CLI::App* app, int default_episodes);

  // InvalidArgumentError: a primitive that the policy does not have.
  absl::StatusOr<EvaluatorOptions> Options(const LoadedRun& run) const;
  // "primitive router, action mean, seed 0".
  std::string Describe() const;

 private:
  std::string primitive_ = "router";
  std::string action_ = "mean";
  double obs_noise_ = 0.0;
  uint64_t seed_ = 0;
  int episodes_ = 1;
  int episode_steps_max_ = 0;  // 0: the run's
};

}  // namespace pmoe
