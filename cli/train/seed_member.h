// One of the runs of `pmoe train --seeds`: what it is to do, how far it is, how it ended. Run by
// one thread; every other thread may look.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "cli/train/embedded_run.h"
#include "cli/train/seed_progress.h"
#include "common/base/mutex.h"
#include "control/wire/env_folder.h"
#include "proto/config.pb.h"
#include "proto/run.pb.h"
#include "run/run_directory.h"

namespace pmoe {

class SeedMember {
 public:
  // One that trains, in a directory that holds its beginning. `env` outlives it.
  SeedMember(RunConfig config, RunDirectory directory, const EnvRecord* env, bool resume);
  // One that has finished before, and is left alone.
  SeedMember(RunConfig config, std::string path);

  // Trains to the last step or until *interrupted. An error is not returned but kept. In a new run
  // nothing but the progress line differs from a plain `pmoe train`.
  void Run(const std::atomic<bool>& interrupted) ABSL_LOCKS_EXCLUDED(mu_);

  MemberView View() const ABSL_LOCKS_EXCLUDED(mu_);
  // nullopt unless it trains just now.
  std::optional<RunStatus> Status() const ABSL_LOCKS_EXCLUDED(mu_);
  // How it failed.
  absl::Status failure() const ABSL_LOCKS_EXCLUDED(mu_);

  uint64_t seed() const { return config_.seed(); }
  const std::string& path() const { return path_; }
  uint64_t steps_left() const;

 private:
  absl::Status Train(const std::atomic<bool>& interrupted) ABSL_LOCKS_EXCLUDED(mu_);
  void Enter(MemberState state, absl::Status failure) ABSL_LOCKS_EXCLUDED(mu_);
  // What run_ has done so far.
  void Count() ABSL_LOCKS_EXCLUDED(mu_);

  const RunConfig config_;
  const std::string path_;
  const std::optional<RunDirectory> directory_;  // nullopt: left alone
  const EnvRecord* const env_ = nullptr;
  const bool resume_ = false;

  mutable Mutex mu_;
  MemberView view_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<EmbeddedRun> run_ ABSL_GUARDED_BY(mu_);  // while it trains
};

}  // namespace pmoe
