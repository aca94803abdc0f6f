// The one table of a shard's process, from the learner's CreateTable to the process's end, and its
// checkpoints. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "proto/replay.pb.h"
#include "replay/core/replay_shard.h"
#include "replay/service/table_files.h"

namespace pmoe {

class TableHolder {
 public:
  explicit TableHolder(const std::string& dir) : dir_(dir), files_(dir) {}

  // Makes the table, or checks that the one it has is the same; FailedPreconditionError names the
  // field that differs. The learner, its key, `restore` and first_round may differ. Adds to
  // *warnings what its owner must say once it holds no lock.
  absl::StatusOr<bool> Create(const CreateTableRequest& request, std::vector<std::string>* warnings)
      ABSL_LOCKS_EXCLUDED(files_mu_, mu_);
  // Is there anything to load? A name always; "newest" only into a table `created` just now.
  static bool Restores(absl::string_view restore, bool created);
  // Loads what `restore` names and returns its name. "newest" is the newest that is whole, or
  // nothing (""); *warnings names those passed over.
  absl::StatusOr<std::string> Restore(const std::string& restore,
                                      std::vector<std::string>* warnings)
      ABSL_LOCKS_EXCLUDED(files_mu_, mu_);
  // Writes <dir>/<name>.table and removes the others but `keep`. Returns its size in bytes.
  absl::StatusOr<int64_t> Save(const std::string& name, std::vector<std::string> keep)
      ABSL_LOCKS_EXCLUDED(files_mu_, mu_);
  // Writes <dir>/<inserted>.table and removes nothing. Does nothing without a table, or in lockstep
  // where that name is taken: then it is the learner's, whose other parts belong to it.
  absl::Status SaveAtEnd() ABSL_LOCKS_EXCLUDED(files_mu_, mu_);

  // Null before Create. Valid as long as the holder.
  ReplayShard* shard() const ABSL_LOCKS_EXCLUDED(mu_);
  // UnavailableError before Create: come again.
  absl::StatusOr<ReplayShard*> Shard() const ABSL_LOCKS_EXCLUDED(mu_);
  bool lockstep() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::StatusOr<std::string> RestoreNewest(ReplayShard* shard, std::vector<std::string>* warnings)
      ABSL_LOCKS_EXCLUDED(files_mu_);

  const std::string dir_;
  Mutex files_mu_;  // one file operation at a time
  TableFiles files_ ABSL_GUARDED_BY(files_mu_);
  mutable Mutex mu_;
  CreateTableRequest request_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<ReplayShard> shard_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
