// The runs that somebody looks at: each is read once for all its viewers, and forgotten when nobody
// has asked for a minute and no stream shows it. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/stopwatch.h"
#include "dashboard/run_catalog.h"
#include "dashboard/run_watch.h"

namespace pmoe {

class WatchList {
 public:
  // `catalog` outlives the list; `live` may be null.
  WatchList(RunCatalog* catalog, LiveStatus live) : catalog_(catalog), live_(std::move(live)) {}

  // Null: no such run.
  std::shared_ptr<RunWatch> Watch(const std::string& id) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Forget() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  struct Slot {
    std::shared_ptr<RunWatch> watch;
    Stopwatch since_asked;
  };

  RunCatalog* const catalog_;
  const LiveStatus live_;
  Mutex mu_;
  std::map<std::string, Slot> watches_ ABSL_GUARDED_BY(mu_);
};

// What one page follows: its runs with how much of each it has. Thread-compatible.
class Viewer {
 public:
  explicit Viewer(std::vector<std::shared_ptr<RunWatch>> runs);
  // Events since the last call; empty: none.
  std::string News();

 private:
  struct Seen {
    std::shared_ptr<RunWatch> run;
    RunCursor cursor;
  };
  std::vector<Seen> seen_;
};

}  // namespace pmoe
