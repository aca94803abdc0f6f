// One run under observation, for all its viewers: its curves, the end of its log, its live state
// and its actors' past, brought up to date when a viewer asks, at most twice a second. Each viewer
// has a cursor and gets what is new since. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/base/stopwatch.h"
#include "dashboard/actor_history.h"
#include "dashboard/live_status.h"
#include "dashboard/run_files.h"

namespace pmoe {

// How much of a run one viewer has. Readings begin at 1.
struct RunCursor {
  uint64_t reading = 0;  // of metrics.csv
  uint64_t merges = 0;
  uint64_t rows = 0;
  size_t points = 0;
  uint64_t log_reading = 0;
  uint64_t lines = 0;
  uint64_t mark_changes = 0;
  uint64_t status_changes = 0;
};

class RunWatch {
 public:
  // `live` may be null.
  RunWatch(std::string id, const std::string& directory, LiveStatus live);

  // Events for a viewer, as server-sent events carry them: history, log, marks, status, each with
  // the run's id. Empty: nothing is new.
  std::string News(RunCursor* cursor) ABSL_LOCKS_EXCLUDED(mu_);
  // ActorHistory::Json; all columns unless the viewer has those up to `from` after `merges`.
  std::string Actors(ActorHistory::Value value, uint64_t merges, size_t from)
      ABSL_LOCKS_EXCLUDED(mu_);
  // What News does first; for who keeps the actors' past while nobody looks.
  void Refresh() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  std::string HistoryNews(RunCursor* cursor) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string LogNews(RunCursor* cursor) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string MarkNews(RunCursor* cursor) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string StatusNews(RunCursor* cursor) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string Event(absl::string_view name, absl::string_view value) const;

  const std::string id_;
  const std::string directory_;
  const LiveStatus live_;
  Mutex mu_;
  std::optional<Stopwatch> since_refresh_ ABSL_GUARDED_BY(mu_);
  bool asking_ ABSL_GUARDED_BY(mu_) = false;  // a thread asks for the live state
  MetricsFile metrics_ ABSL_GUARDED_BY(mu_);
  LogFile log_ ABSL_GUARDED_BY(mu_);
  const Stopwatch clock_;
  ActorHistory actors_ ABSL_GUARDED_BY(mu_);
  std::optional<RunStatus> status_ ABSL_GUARDED_BY(mu_);
  std::string status_text_ ABSL_GUARDED_BY(mu_);  // of status_; empty: to be made when asked for
  uint64_t status_changes_ ABSL_GUARDED_BY(mu_) = 1;
};

}  // namespace pmoe
