// Columns of metrics.csv that count seconds and begin anew with each process of the run, as totals
// of the whole run. Thread-compatible.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace pmoe {

class RunTotals {
 public:
  // wall_s, cpu_s, gpu_s and time_…
  static bool IsTotal(absl::string_view column);

  explicit RunTotals(const std::vector<std::string>& columns);

  // Replaces the row's seconds by the run's; a value below the one before is a process that began
  // anew. One cell per column; NaN: absent.
  void Apply(std::vector<double>* row);

 private:
  struct Total {
    size_t column;
    double before = 0.0;  // of earlier processes
    double last = 0.0;
  };
  std::vector<Total> totals_;
};

}  // namespace pmoe
