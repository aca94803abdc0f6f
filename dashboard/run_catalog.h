// The runs that a dashboard may show: the run directories at or below its folders. A run is named
// by an id that is looked up in what was found, never put into a path, so that no request can
// leave them. Thread-safe; folders are looked through when somebody asks, not more than every two
// seconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/stopwatch.h"
#include "dashboard/run_facts.h"

namespace pmoe {

// A run directory and what the page needs of its configuration.
struct RunEntry {
  std::string id;  // its path below the folder
  std::string path;
  RunFacts facts;
  int64_t changed_unix_s = 0;  // metrics.csv, or the configuration where there is none
  // How long ago that was, by this process's own clock where it saw the change; else by the file's
  // time, which another machine's clock may have made. nullopt: that one is ahead of ours.
  std::optional<int64_t> changed_ago_s{};
  bool held = false;  // a process of this machine trains it
};

struct RunFolder {
  std::string path;
  int depth = 1;  // how far below `path` its runs lie; 0: it is a run itself
};

class RunCatalog {
 public:
  static constexpr size_t kRunsMax = 500;
  static constexpr int kFoldersMax = 20'000;  // looked at in one search

  explicit RunCatalog(std::vector<RunFolder> folders, const Clock* clock = Clock::Real())
      : folders_(std::move(folders)), uptime_(clock), since_search_(clock) {}

  // The runs changed last come first.
  std::vector<RunEntry> List() ABSL_LOCKS_EXCLUDED(mu_);
  std::optional<RunEntry> Find(const std::string& id) ABSL_LOCKS_EXCLUDED(mu_);
  // The id of the run in this directory; empty: it is none of these.
  std::string IdOf(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Search() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SearchBelow(const RunFolder& root, const std::string& path, int depth, int* budget)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AddRun(const RunFolder& root, const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // When a run changed, as far as it was seen.
  struct Change {
    int64_t unix_s = 0;
    std::optional<double> seen_at_s{};  // of uptime_
  };
  double AgeOf(const Change& change) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::optional<int64_t> SecondsSince(const Change& change) const;

  const std::vector<RunFolder> folders_;
  const Stopwatch uptime_;
  Mutex mu_;
  bool searched_ ABSL_GUARDED_BY(mu_) = false;
  Stopwatch since_search_ ABSL_GUARDED_BY(mu_);
  double unwatched_s_ ABSL_GUARDED_BY(mu_) = 0.0;              // between the last two searches
  std::map<std::string, RunEntry> runs_ ABSL_GUARDED_BY(mu_);  // by id
  RunFactsBook facts_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Change> changes_ ABSL_GUARDED_BY(mu_);  // by path, of runs_
  std::map<std::string, Change> changes_before_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pmoe
