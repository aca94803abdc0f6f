// The tables of a shard's process, by name: the run's own, which is always there, and those that
// the learner has made beside it, up to kTablesMax. None ever goes. Thread-safe.
//
// Locks are taken in this order, and no two tables' at once: whatever goes over all tables takes
// them one after the other.
//   ReplayServer::create_mu_ → TableSet::mu_ (to find one, and nothing else)
//   ReplayServer::create_mu_ → a table's InsertStreams::mu_
//   ReplayServer::create_mu_ → a table's TableHolder::files_mu_ → TableHolder::mu_
//     → ReplayShard::files_mu_ → ReplayShard::mu_ → SegmentLog's
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "replay/service/served_table.h"

namespace pmoe {

class TableSet {
 public:
  // The run's own lies in `dir`, a table NAME in dir/tables/NAME.
  explicit TableSet(std::string dir);

  ServedTable* own() const { return own_; }
  // InvalidArgumentError: no name; UnavailableError: there is no such table, the learner may make
  // it.
  absl::StatusOr<ServedTable*> Find(const std::string& name) const ABSL_LOCKS_EXCLUDED(mu_);
  // The table that the request names, new or checked to be the same (TableHolder::Create); one that
  // cannot be made leaves nothing. One caller at a time.
  absl::StatusOr<ServedTable*> Make(const CreateTableRequest& request,
                                    std::vector<std::string>* warnings) ABSL_LOCKS_EXCLUDED(mu_);
  // The run's own, then the others by name.
  std::vector<ServedTable*> All() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  ServedTable* Get(const std::string& name) const ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::unique_ptr<ServedTable>> New(const CreateTableRequest& request,
                                                   std::vector<std::string>* warnings) const;

  const std::string dir_;
  mutable Mutex mu_;
  std::map<std::string, std::unique_ptr<ServedTable>> tables_ ABSL_GUARDED_BY(mu_);
  ServedTable* const own_;
};

}  // namespace pmoe
