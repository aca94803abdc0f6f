// Columns of metrics.csv that count seconds and begin anew with each process of the run, as totals
// of the whole run. python/pmoe/cost.py has the same rule. Thread-compatible.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace pmoe {

class RunTotals {
 public:
  // wall_s, cpu_s, gpu_s and time_…
  static bool IsTotal(absl::string_view column);

  explicit RunTotals(const std::vector<std::string>& columns);

  // Replaces the row's seconds by the run's. Where wall_s or the learner's or actors' seconds fall,
  // a process began anew, with all its columns: one of a single row may begin with a later wall_s
  // than the one before it ended with. Within a process cpu_s does not fall: a member that was lost
  // had used what it had used. cpu_s and gpu_s become NaN for good once a whole process did not say
  // them. One cell per column; NaN: absent.
  void Apply(std::vector<double>* row);

  // The column's total; nullopt: one of the run's processes has not said it.
  std::optional<double> Known(absl::string_view column) const;

 private:
  struct Total {
    size_t column;
    std::string name;
    bool needs_all = false;  // a sum that lacks a process is wrong
    bool grows = false;      // within a process, so that a fall is the next one's
    double last = 0.0;       // as the row before had it
    double before = 0.0;     // of earlier processes
    double now = 0.0;
    bool said = false;  // by the newest process
    bool known = true;  // by all before it
  };
  void BeginAnew();

  std::vector<Total> totals_;
};

}  // namespace pmoe
