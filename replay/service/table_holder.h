// The one table of a shard's process, from the learner's CreateTable to the process's end, its
// checkpoints and its log. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "proto/replay.pb.h"
#include "replay/core/replay_shard.h"
#include "replay/log/segment_log.h"
#include "replay/service/table_files.h"

namespace pmoe {

class TableHolder {
 public:
  // log: what its logs are made with, but for what the table says; the clock is the table's too.
  explicit TableHolder(const std::string& dir, SegmentLogOptions log = {})
      : dir_(dir), log_options_(std::move(log)), files_(dir) {}

  // Makes the table, or checks that the one it has is the same; FailedPreconditionError names the
  // field that differs. The learner, its key, `restore` and first_round may differ. Adds to
  // *warnings what its owner must say once it holds no lock.
  absl::Status Create(const CreateTableRequest& request, std::vector<std::string>* warnings)
      ABSL_LOCKS_EXCLUDED(files_mu_, mu_);
  // Before it is ready, where there was no shard yet: the newest version that rows may name.
  void SetPublished(uint64_t version, bool now) ABSL_LOCKS_EXCLUDED(mu_);
  // Is there anything to load? A name always; "newest" only into a table that is not ready.
  bool Restores(absl::string_view restore) const ABSL_LOCKS_EXCLUDED(mu_);
  // Loads what `restore` names and returns its name. "newest" is the newest that is whole, and what
  // the log has after it; "log" if there is only that, or nothing (""). *warnings says what was
  // passed over, cut or lost.
  absl::StatusOr<std::string> Restore(const std::string& restore,
                                      std::vector<std::string>* warnings)
      ABSL_LOCKS_EXCLUDED(files_mu_, mu_);
  // From now on the table's changes are logged, as far as the learner wants, and it is ready. After
  // Create, and after Restore where there was something; `restored` is what that gave.
  absl::Status StartLog(absl::string_view restored) ABSL_LOCKS_EXCLUDED(files_mu_, mu_);
  // Null: nothing is logged. Valid as long as the holder.
  SegmentLog* log() const ABSL_LOCKS_EXCLUDED(mu_);

  // Writes <dir>/<name>.table and removes the others but `keep`. Returns its size in bytes.
  absl::StatusOr<int64_t> Save(const std::string& name, std::vector<std::string> keep)
      ABSL_LOCKS_EXCLUDED(files_mu_, mu_);
  // Async: SaveAside. Lockstep: writes <dir>/<inserted>.table and removes nothing, or does nothing
  // where that name is taken: then it is the learner's, whose other parts belong to it. Does
  // nothing before it is ready.
  absl::Status SaveAtEnd() ABSL_LOCKS_EXCLUDED(files_mu_, mu_);

  // Saves the table under a name of its own and keeps all others but the last of this kind; returns
  // the name. What is kept of the log for the others has a bound: beyond it they are restored
  // without. CancelledError once `stop` says true; FailedPreconditionError in lockstep.
  absl::StatusOr<std::string> SaveAside(const std::function<bool()>& stop = nullptr)
      ABSL_LOCKS_EXCLUDED(files_mu_, mu_);
  // Has the log grown so long that a checkpoint should take its place?
  bool LogIsLong() const ABSL_LOCKS_EXCLUDED(files_mu_, mu_);

  // Null while the table is not ready: before Create, and as long as what was to be restored is
  // not. Valid as long as the holder.
  ReplayShard* shard() const ABSL_LOCKS_EXCLUDED(mu_);
  // UnavailableError in place of null: come again.
  absl::StatusOr<ReplayShard*> Shard() const ABSL_LOCKS_EXCLUDED(mu_);
  bool lockstep() const ABSL_LOCKS_EXCLUDED(mu_);
  // Does a limiter hold samples back?
  bool limited() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // The one that Create made.
  ReplayShard* Made() const ABSL_LOCKS_EXCLUDED(mu_);
  void SetReady(bool ready) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::string> RestoreNewest(ReplayShard* shard, std::vector<std::string>* warnings)
      ABSL_LOCKS_EXCLUDED(files_mu_);
  absl::Status SaveAs(ReplayShard* shard, const std::string& path,
                      const std::function<bool()>& stop = nullptr)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(files_mu_);
  absl::StatusOr<bool> ApplyLog(ReplayShard* shard, bool to_a_table,
                                std::vector<std::string>* warnings)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(files_mu_);
  // What no checkpoint needs any more.
  absl::Status PruneLog() ABSL_EXCLUSIVE_LOCKS_REQUIRED(files_mu_);
  // Where that is too much: what the newest table, at `path`, has, if it is whole.
  absl::Status ShortenLog(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(files_mu_);
  // Bytes of log behind which a checkpoint should come.
  int64_t LongLog() const ABSL_LOCKS_EXCLUDED(mu_);

  const std::string dir_;
  const SegmentLogOptions log_options_;
  Mutex files_mu_;  // one file operation at a time
  TableFiles files_ ABSL_GUARDED_BY(files_mu_);
  mutable Mutex mu_;
  CreateTableRequest request_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<SegmentLog> log_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<ReplayShard> shard_ ABSL_GUARDED_BY(mu_);  // which uses the log
  bool ready_ ABSL_GUARDED_BY(mu_) = false;
  // Of what this log has written, that a checkpoint holds; below 0 by what the folder had before.
  std::atomic<int64_t> log_bytes_saved_{0};
  std::atomic<int64_t> log_dropped_saved_{0};  // records, likewise
};

}  // namespace pmoe
