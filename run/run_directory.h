// A run's folder on disk: who may write it, and where everything lies.
//   config.textproto  manifest.json  metrics.csv  events.out.tfevents.*  log.txt
//   checkpoints/<env steps>/state.pmoe   replay/<env steps>.table (newest only) snapshots/best.pmoe
//   latest.pmoe
// A checkpoint exists once its folder has its final name, which is given last. Thread-compatible.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pmoe {

class RunDirectory {
 public:
  // A new run: makes the folder and locks it. FailedPreconditionError if it holds a run already.
  static absl::StatusOr<RunDirectory> Create(const std::string& path);
  // An old one: locks it. NotFoundError where there is no run; FailedPreconditionError while
  // another process trains it.
  static absl::StatusOr<RunDirectory> Open(const std::string& path);
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&& other) = delete;
  ~RunDirectory();

  const std::string& path() const { return path_; }
  std::string File(absl::string_view name) const;
  std::string SnapshotFile(absl::string_view name) const;  // name "best" or "latest"

  // The next life of the run's learner: 1 for the first, one more for every start. Written to
  // disk before it is returned, so that a learner that was replaced can be told from its successor.
  absl::StatusOr<uint64_t> NextLearnerEpoch() const;
  // The run's name on the network; made on first use.
  absl::StatusOr<std::string> RunId() const;

  // Env steps of the newest complete checkpoint; NotFoundError if there is none.
  absl::StatusOr<uint64_t> NewestCheckpoint() const;
  std::string CheckpointFile(uint64_t env_steps) const;
  std::string ReplayFolder() const;  // of <env steps>.table
  // Name (env steps) of the newest table there; NotFoundError if there is none.
  absl::StatusOr<std::string> NewestReplay() const;
  // Where a checkpoint is written before CommitCheckpoint gives it its name.
  absl::StatusOr<std::string> PrepareCheckpoint(uint64_t env_steps) const;
  // Names it, then drops all but the newest `keep` checkpoints.
  absl::Status CommitCheckpoint(uint64_t env_steps, int keep) const;

 private:
  RunDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  static absl::StatusOr<int> Lock(const std::string& path);

  std::string path_;
  int lock_;  // file descriptor holding the flock; -1 when moved from
};

// Env steps of the newest complete checkpoint of the run in `path`, which may be another process's.
absl::StatusOr<uint64_t> NewestCheckpointIn(const std::string& path);

// Makes the folder runs/<env>-<algorithm>-<seeds>-<local time>, with -2, -3 … behind it where
// another run has taken that. `seeds`: "s3", or "5seeds" for several.
absl::StatusOr<std::string> MakeDefaultRunFolder(absl::string_view env, absl::string_view algorithm,
                                                 absl::string_view seeds);

}  // namespace pmoe
