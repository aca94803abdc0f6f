// A run in one row of a table: the newest and best of its metrics.csv, and what it took to the
// return that it aims at. Reads on where it stopped, in pieces. Thread-compatible.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/metrics/csv_reader.h"
#include "dashboard/run_catalog.h"
#include "common/metrics/run_totals.h"
#include "dashboard/tail_file.h"

namespace pmoe {

// Seconds are the run's, over all its processes; nullopt: not in the file, or, of cpu_s and gpu_s,
// not said by each of the processes.
struct RunSummary {
  std::optional<double> env_steps, updates, last_return, best_return;
  std::optional<double> wall_s, cpu_s, gpu_s;
  // At the first evaluation that reached the aim.
  std::optional<double> target_env_steps, target_wall_s, target_cpu_s, target_gpu_s;
};

class SummaryReader {
 public:
  // target: observe.target_return.
  SummaryReader(const std::string& path, std::optional<double> target)
      : file_(path), target_(target) {}

  struct Taken {
    size_t bytes = 0;
    bool all = false;  // false: the file has more
  };
  // Takes in what the file has gained, until at least `bytes` are read.
  Taken Read(size_t bytes);
  const RunSummary& summary() const { return summary_; }
  std::optional<double> target() const { return target_; }

 private:
  void BeginAnew();
  void OnRow(absl::Span<const double> row);
  std::optional<double> Cell(const std::string& column) const;

  TailFile file_;
  const std::optional<double> target_;
  CsvReader reader_;
  std::optional<RunTotals> totals_;
  std::map<std::string, size_t> index_;
  std::vector<double> row_;
  RunSummary summary_;
};

// The summaries of many runs. Thread-safe; an answer reads at most kBytesPerAnswer.
class SummaryBook {
 public:
  static constexpr size_t kBytesPerAnswer = 24 << 20;

  // {"pending": n, "runs": {"id": {"env_steps": ..., ...}, ...}}: `pending` runs have more in their
  // files than was read so far; ask again. `runs`: all that there are; `asked`: the ids of those
  // that are answered for, empty: all.
  std::string Json(const std::vector<RunEntry>& runs, const std::vector<std::string>& asked = {})
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  SummaryReader* ReaderOf(const RunEntry& run) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  std::map<std::string, SummaryReader> readers_ ABSL_GUARDED_BY(mu_);  // by the run's path
};

}  // namespace pmoe
