// A run's folder on disk: who may write it, and where everything lies.
//   config.textproto  manifest.json  metrics.csv  events.out.tfevents.*  log.txt  learner.epoch
//   checkpoints/<env steps>/state.pmoe about.txt   replay/<env steps>.table
//   snapshots/best.pmoe latest.pmoe
// A checkpoint exists once its state.pmoe does, which is written last and at once.
// Thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/file_lock.h"
#include "run/checkpoint_note.h"

namespace pmoe {

class RunDirectory {
 public:
  // A new run: makes the folder and locks it. FailedPreconditionError if it holds a run already.
  static absl::StatusOr<RunDirectory> Create(const std::string& path);
  // An old one: locks it, then removes what a killed process left half done, and says so.
  // NotFoundError where there is no run; FailedPreconditionError while another process trains it.
  static absl::StatusOr<RunDirectory> Open(const std::string& path);
  RunDirectory(RunDirectory&& other) noexcept = default;
  RunDirectory& operator=(RunDirectory&& other) = delete;

  const std::string& path() const { return path_; }
  std::string File(absl::string_view name) const;
  std::string SnapshotFile(absl::string_view name) const;  // name "best" or "latest"
  // A line of log.txt with the time in front, for what happens before the run's log is open.
  absl::Status Note(const std::string& text) const;

  // The next life of the run's learner: 1 for the first, one more for every start. Written to
  // disk before it is returned, so that a learner that was replaced can be told from its successor.
  // The highest that learner.epoch, log.txt or a checkpoint names counts; where learner.epoch is
  // not the highest, some are left out, for none may come twice.
  absl::StatusOr<uint64_t> NextLearnerEpoch() const;
  // The run's name on the network; made on first use.
  absl::StatusOr<std::string> RunId() const;

  // Env steps of the complete checkpoints, ascending.
  std::vector<uint64_t> Checkpoints() const;
  // Of the newest; NotFoundError if there is none.
  absl::StatusOr<uint64_t> NewestCheckpoint() const;
  std::string CheckpointFile(uint64_t env_steps) const;
  // Without its file, or with a damaged one: a note that names the table of that name.
  CheckpointNote NoteOf(uint64_t env_steps) const;
  // Writes a checkpoint, or replaces the one of these steps at once, then drops all but the newest
  // `keep`. There is a whole one at every moment, and on disk when it returns.
  absl::Status SaveCheckpoint(uint64_t env_steps, absl::string_view state,
                              const CheckpointNote& note, int keep) const;
  // Takes a checkpoint that cannot be used out of the list; its files stay, under the name given.
  absl::StatusOr<std::string> SetAside(uint64_t env_steps) const;

  std::string ReplayFolder() const;  // of <env steps>.table
  // Names (env steps) of the tables there, the newest first.
  std::vector<std::string> Tables() const;
  // Names of the tables that the checkpoints need.
  std::vector<std::string> TablesOfCheckpoints() const;

 private:
  RunDirectory(std::string path, FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  static absl::StatusOr<FileLock> Lock(const std::string& path);
  void Sweep() const;

  std::string path_;
  FileLock lock_;
};

// Env steps of the complete checkpoints of the run in `path`, which may be another process's.
std::vector<uint64_t> CheckpointsIn(const std::string& path);
// Of the newest; NotFoundError if there is none.
absl::StatusOr<uint64_t> NewestCheckpointIn(const std::string& path);
std::string CheckpointFileIn(const std::string& path, uint64_t env_steps);
std::string CheckpointNoteFileIn(const std::string& path, uint64_t env_steps);
// RunDirectory::NoteOf.
CheckpointNote NoteIn(const std::string& path, uint64_t env_steps);
// Numbers of the entries of a folder that are called <number><suffix>, ascending.
std::vector<uint64_t> NumberedEntries(const std::string& folder, absl::string_view suffix);
// The highest learner epoch that its log.txt names; 0: none.
uint64_t LoggedLearnerEpoch(const std::string& path);

// Makes the folder runs/<env>-<algorithm>-<seeds>-<local time>, with -2, -3 … behind it where
// another run has taken that. `seeds`: "s3", or "5seeds" for several.
absl::StatusOr<std::string> MakeDefaultRunFolder(absl::string_view env, absl::string_view algorithm,
                                                 absl::string_view seeds);

}  // namespace pmoe
